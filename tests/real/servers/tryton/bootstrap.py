"""Seeds a fresh Tryton database for the tests: a company with accounts, parties, items with stock, and users with keys and a password.

    TRYTOND_CONFIG=trytond.conf bin/python bootstrap.py DATABASE PASSWORD

Prints JSON: the ids of what was made, and a REST key for each user. Follows the scenarios that Tryton's modules are
tested by (proteus, https://docs.tryton.org/latest/client-library/).
"""
import json
import os
import sys
from decimal import Decimal

from proteus import Model, Wizard
from proteus import config as proteus_config

database, password = sys.argv[1:]
config = proteus_config.set_trytond(
    database=database, config_file=os.environ['TRYTOND_CONFIG'])

from trytond.modules.account.tests.tools import (  # noqa: E402
    create_chart, create_fiscalyear, create_tax, get_accounts)
from trytond.modules.account_invoice.tests.tools import (  # noqa: E402
    create_payment_term, set_fiscalyear_invoice_sequences)
from trytond.modules.company.tests.tools import (  # noqa: E402
    create_company, get_company)
from trytond.pool import Pool  # noqa: E402
from trytond.transaction import Transaction  # noqa: E402

MODULES = ['party', 'sale', 'sale_opportunity', 'purchase',
    'purchase_requisition', 'stock', 'stock_supply', 'account_invoice']
# What the adapter's README asks for, by module and id, as names of groups are neither unique nor the same in all languages.
GROUPS = {
    'tombolo': [('sale', 'group_sale'), ('sale_opportunity', 'group_opportunity'),
        ('stock', 'group_stock'), ('purchase', 'group_purchase'),
        ('purchase_requisition', 'group_purchase_requisition'),
        ('purchase_requisition', 'group_purchase_requisition_approval'),
        ('purchase_request', 'group_purchase_request'), ('account', 'group_account')],
    'seller': [('sale', 'group_sale')],
    'storekeeper': [('stock', 'group_stock')],
    # Does what people do beside the adapter.
    'clerk': [('product', 'group_product_admin')],
    }

# Modules, without their first questions.
Module = Model.get('ir.module')
Module.click(Module.find([('name', 'in', MODULES)]), 'activate')
Wizard('ir.module.activate_upgrade').execute('upgrade')
ConfigItem = Model.get('ir.module.config_wizard.item')
for item in ConfigItem.find([('state', '!=', 'done')]):
    item.state = 'done'
    item.save()

# Company and accounts.
create_company(currency='EUR')
company = get_company()
create_chart(company)
User = Model.get('res.user')
config._context = User.get_preferences(True, {})
fiscalyear = set_fiscalyear_invoice_sequences(create_fiscalyear(company))
fiscalyear.click('create_period')
accounts = get_accounts(company)
tax = create_tax(Decimal('.10'))
tax.save()
payment_term = create_payment_term()
payment_term.save()
Country = Model.get('country.country')
Country(name='Germany', code='DE', code3='DEU').save()

Party = Model.get('party.party')


def party(name, email):
    record = Party(name=name)
    record.customer_payment_term = payment_term
    record.supplier_payment_term = payment_term
    record.contact_mechanisms.new(type='email', value=email)
    record.addresses[0].street = '1 Test Street'
    record.save()
    return record


customer = party('Customer GmbH', 'buyer@customer.example')
supplier = party('Supplier AG', 'sales@supplier.example')

# Two warehouses: which one is meant is the user's, or has to be said.
Location = Model.get('stock.location')
warehouse, = Location.find([('type', '=', 'warehouse')])
storage = Location(name='North storage', code='N-STO', type='storage')
storage.save()
doors = [Location(name='North ' + name, type='storage') for name in ('in', 'out')]
for door in doors:
    door.save()
north = Location(name='North', code='NORTH', type='warehouse',
    input_location=doors[0], output_location=doors[1], storage_location=storage,
    lost_found_location=warehouse.lost_found_location)
north.save()

# Items: one in stock in both warehouses, one that there is none of.
category = Model.get('product.category')(name='Goods', accounting=True)
category.account_expense = accounts['expense']
category.account_revenue = accounts['revenue']
category.customer_taxes.append(tax)
category.save()
unit, = Model.get('product.uom').find([('name', '=', 'Unit')])


def product(code, name):
    template = Model.get('product.template')(
        name=name, code=code, default_uom=unit, type='goods')
    template.salable = template.purchasable = True
    template.list_price = Decimal('10')
    template.account_category = category
    template.save()
    item, = template.products
    item.cost_price = Decimal('5')
    item.save()
    bought = Model.get('purchase.product_supplier')(
        template=template, party=supplier, company=company)
    bought.currency = company.currency
    price = bought.prices.new()
    price.quantity = 0
    price.unit_price = Decimal('5')
    bought.save()
    return item


widget = product('WID-1', 'Widget')
gadget = product('GAD-1', 'Gadget')
for location, quantity in [(warehouse.storage_location, 100), (storage, 25)]:
    inventory = Model.get('stock.inventory')(location=location)
    line = inventory.lines.new(product=widget)
    line.quantity = quantity
    line.expected_quantity = 0
    inventory.click('confirm')
order_point = Model.get('stock.order_point')(
    type='purchase', product=widget, location=warehouse)
order_point.min_quantity = 20
order_point.target_quantity = 200
order_point.save()

# Users, each with a key for REST and the password for JSON-RPC.
with Transaction().start(database, 0, readonly=True):
    find = Pool(database).get('ir.model.data').get_id
    groups = {login: [find(*group) for group in names]
        for login, names in GROUPS.items()}
Group = Model.get('res.group')
Application = Model.get('res.user.application')
Employee = Model.get('company.employee')


def key(login, groups):
    person = Party(name=login)
    person.save()
    employee = Employee(party=person, company=company)
    employee.save()
    user = User(name=login, login=login, password=password)
    user.companies.append(Model.get('company.company')(company.id))
    user.company = user.companies[0]
    user.employees.append(Employee(employee.id))
    user.employee = user.employees[0]
    user.warehouse = warehouse
    for group in groups:
        user.groups.append(Group(group))
    user.save()
    application = Application(user=user, application='rest')
    application.save()
    if application.state == 'requested':
        application.click('validate_')
    return application.key


print(json.dumps({
    'company': company.id, 'customer': customer.id, 'supplier': supplier.id,
    'widget': widget.id, 'gadget': gadget.id,
    'warehouse': warehouse.id, 'north': north.id,
    'keys': {login: key(login, ids) for login, ids in groups.items()},
    }))
