// What the services do beyond storing: numbers, statuses, and the refusals of a business.
const cds = require('@sap/cds');

const now = () => new Date().toISOString();
const day = () => now().slice(0, 10);
const time = () => now().slice(11, 19);

/// The next number of a key in a range: 10 digits begin anywhere, as in SAP's number ranges.
const next = async (entity, key, first) => {
  const [last] = await SELECT.from(entity).columns(key).orderBy({ ref: [key], sort: 'desc' }).limit(1);
  return String(last ? Number(last[key]) + 1 : first);
};

const numbered = (items, key, step, digits) =>
  (items ?? []).forEach((item, index) => (item[key] = String((index + 1) * step).padStart(digits, '0')));

const refuse = (code, message, status = 400) => {
  throw Object.assign(new Error(message), { code, status });
};

const productOf = async (Material) => {
  const { A_Product } = cds.entities('API_PRODUCT_SRV');
  return (await SELECT.one.from(A_Product, Material)) ?? refuse('M3/305', `Material ${Material} does not exist`);
};

const partnerOf = async (BusinessPartner, what) => {
  const { A_BusinessPartner } = cds.entities('API_BUSINESS_PARTNER');
  return (await SELECT.one.from(A_BusinessPartner, BusinessPartner)) ?? refuse('VP/199', `${what} ${BusinessPartner} is not defined`);
};

const services = {
  API_BUSINESS_PARTNER(service) {
    const { A_BusinessPartner } = service.entities;
    service.before('CREATE', A_BusinessPartner, async ({ data }) => {
      data.BusinessPartner ||= await next(A_BusinessPartner, 'BusinessPartner', 1000000);
      if (await SELECT.one.from(A_BusinessPartner, data.BusinessPartner))
        refuse('R1/218', `Business partner ${data.BusinessPartner} already exists`, 409);
      data.BusinessPartnerFullName = data.OrganizationBPName1;
      Object.assign(data, { CreationDate: day(), CreationTime: time(), ETag: now() });
      for (const [index, address] of (data.to_BusinessPartnerAddress ?? []).entries()) {
        address.AddressID = String(Number(data.BusinessPartner) * 10 + index);
        numbered(address.to_EmailAddress, 'OrdinalNumber', 1, 1);
        numbered(address.to_PhoneNumber, 'OrdinalNumber', 1, 1);
      }
    });
    service.before('UPDATE', A_BusinessPartner, ({ data }) => {
      if (data.OrganizationBPName1) data.BusinessPartnerFullName = data.OrganizationBPName1;
      Object.assign(data, { LastChangeDate: day(), LastChangeTime: time(), ETag: now() });
    });
  },

  API_PRODUCT_AVAILY_INFO_BASIC(service) {
    service.on('DetermineAvailabilityAt', async ({ data }) => {
      const { BaseUnit } = await productOf(data.Material);
      const { A_MatlStkInAcctMod } = cds.entities('API_MATERIAL_STOCK_SRV');
      const { A_SalesOrder, A_SalesOrderItem } = cds.entities('API_SALES_ORDER_SRV');
      const stock = await SELECT.from(A_MatlStkInAcctMod).where({ Material: data.Material, Plant: data.SupplyingPlant, InventoryStockType: '01' });
      const open = await SELECT.from(A_SalesOrder).columns('SalesOrder').where({ SalesDocApprovalStatus: 'B', OverallTotalDeliveryStatus: 'A', OverallSDDocumentRejectionSts: 'A' });
      const promised = await SELECT.from(A_SalesOrderItem).where({ Material: data.Material, SalesOrder: { in: open.map((order) => order.SalesOrder) } });
      const sum = (rows, property) => rows.reduce((total, row) => total + Number(row[property]), 0);
      const available = sum(stock, 'MatlWrhsStkQtyInMatlBaseUnit') - sum(promised, 'RequestedQuantity');
      return { RequestedUTCDateTime: data.RequestedUTCDateTime, AvailableQuantityInBaseUnit: available, BaseUnit };
    });
  },

  API_SALES_ORDER_SRV(service) {
    const { A_SalesOrder, A_SalesOrderItem } = service.entities;
    const changed = (SalesOrder, data) => UPDATE(A_SalesOrder, SalesOrder).with({ ...data, LastChangeDateTime: now() });
    service.before('CREATE', A_SalesOrder, async ({ data }) => {
      await partnerOf(data.SoldToParty, 'Sold-to party');
      data.SalesOrder = await next(A_SalesOrder, 'SalesOrder', 1);
      let total = 0;
      for (const item of data.to_Item ?? []) {
        const { BaseUnit } = await productOf(item.Material);
        item.RequestedQuantityUnit ??= BaseUnit;
        item.NetPriceAmount ??= 10;
        item.SalesDocumentRjcnReason = '';
        total += Number(item.NetPriceAmount) * Number(item.RequestedQuantity);
      }
      numbered(data.to_Item, 'SalesOrderItem', 10, 1);
      data.TransactionCurrency ??= 'EUR';
      Object.assign(data, { TotalNetAmount: total, SalesDocApprovalStatus: 'A', OverallTotalDeliveryStatus: 'A', OverallSDDocumentRejectionSts: 'A', LastChangeDateTime: now() });
    });
    service.before('UPDATE', A_SalesOrder, ({ data }) => {
      data.LastChangeDateTime = now();
    });
    service.after('UPDATE', A_SalesOrderItem, async (_, request) => {
      const SalesOrder = request.data.SalesOrder ?? request.params[0].SalesOrder;
      const order = await SELECT.one.from(A_SalesOrder, SalesOrder);
      if (order.OverallTotalDeliveryStatus === 'C') refuse('V1/338', `Sales order ${SalesOrder} is already delivered and cannot be rejected`);
      const items = await SELECT.from(A_SalesOrderItem).where({ SalesOrder });
      const rejected = items.filter((item) => item.SalesDocumentRjcnReason).length;
      await changed(SalesOrder, { OverallSDDocumentRejectionSts: rejected === items.length ? 'C' : rejected ? 'B' : 'A' });
    });
    service.on('releaseApprovalRequest', async (request) => {
      const SalesOrder = request.data.SalesOrder ?? request.params[0]?.SalesOrder ?? request.params[0];
      const order = await SELECT.one.from(A_SalesOrder, SalesOrder);
      if (!order) refuse('V1/302', `Sales document ${SalesOrder} is not in the database`, 404);
      if (order.OverallSDDocumentRejectionSts === 'C') refuse('V1/555', `Sales document ${SalesOrder} is rejected`);
      if (order.SalesDocApprovalStatus !== 'A') refuse('SD_APM/020', `Sales document ${SalesOrder} has no approval request`);
      await changed(SalesOrder, { SalesDocApprovalStatus: 'B' });
    });
  },

  API_OUTBOUND_DELIVERY_SRV(service) {
    const { A_OutbDeliveryHeader, A_OutbDeliveryItem } = service.entities;
    service.before('CREATE', A_OutbDeliveryHeader, async ({ data }) => {
      const { A_SalesOrder, A_SalesOrderItem } = cds.entities('API_SALES_ORDER_SRV');
      const reference = data.to_DeliveryDocumentItem?.[0]?.ReferenceSDDocument;
      const order = await SELECT.one.from(A_SalesOrder, reference);
      if (!order) refuse('VL/461', `Sales document ${reference} does not exist`, 404);
      if (order.SalesDocApprovalStatus !== 'B') refuse('VL/602', `Sales document ${reference} is blocked for delivery`);
      data.DeliveryDocument = await next(A_OutbDeliveryHeader, 'DeliveryDocument', 80000000);
      const items = await SELECT.from(A_SalesOrderItem).where({ SalesOrder: reference });
      data.to_DeliveryDocumentItem = items.map((item) => ({
        DeliveryDocument: data.DeliveryDocument,
        DeliveryDocumentItem: item.SalesOrderItem,
        ReferenceSDDocument: reference,
        ReferenceSDDocumentItem: item.SalesOrderItem,
        Material: item.Material,
        ActualDeliveryQuantity: item.RequestedQuantity,
        GoodsMovementStatus: 'A',
      }));
      Object.assign(data, { OverallGoodsMovementStatus: 'A', LastChangeDate: now() });
    });
    service.on('PostGoodsIssue', async (request) => {
      const DeliveryDocument = request.data.DeliveryDocument ?? request.params[0]?.DeliveryDocument ?? request.params[0];
      const { A_MatlStkInAcctMod } = cds.entities('API_MATERIAL_STOCK_SRV');
      const { A_SalesOrder } = cds.entities('API_SALES_ORDER_SRV');
      const items = await SELECT.from(A_OutbDeliveryItem).where({ DeliveryDocument });
      if (!items.length) refuse('VL/559', `Delivery ${DeliveryDocument} does not exist`, 404);
      if (items[0].GoodsMovementStatus === 'C') refuse('VL/609', `Goods issue is already posted for delivery ${DeliveryDocument}`);
      for (const item of items) {
        const place = { Material: item.Material, Plant: '1010', StorageLocation: '101A', Batch: '', InventoryStockType: '01' };
        const stock = await SELECT.one.from(A_MatlStkInAcctMod).where(place);
        const left = Number(stock?.MatlWrhsStkQtyInMatlBaseUnit ?? 0) - Number(item.ActualDeliveryQuantity);
        if (left < 0) refuse('M7/021', `Deficit of SL Unrestricted-use ${-left} : ${item.Material} 1010 101A`);
        await UPDATE(A_MatlStkInAcctMod).with({ MatlWrhsStkQtyInMatlBaseUnit: left }).where(place);
      }
      await UPDATE(A_OutbDeliveryItem).with({ GoodsMovementStatus: 'C' }).where({ DeliveryDocument });
      await UPDATE(A_OutbDeliveryHeader, DeliveryDocument).with({ OverallGoodsMovementStatus: 'C', LastChangeDate: now() });
      await UPDATE(A_SalesOrder, items[0].ReferenceSDDocument).with({ OverallTotalDeliveryStatus: 'C', LastChangeDateTime: now() });
    });
  },

  API_PURCHASEREQ_PROCESS_SRV(service) {
    const { A_PurchaseRequisitionHeader } = service.entities;
    service.before('CREATE', A_PurchaseRequisitionHeader, async ({ data }) => {
      data.PurchaseRequisition = await next(A_PurchaseRequisitionHeader, 'PurchaseRequisition', 10000000);
      for (const item of data.to_PurchaseReqnItem ?? []) {
        const { BaseUnit } = await productOf(item.Material);
        Object.assign(item, { BaseUnit, OrderedQuantity: 0, FixedSupplier: item.Material === 'ORPHAN' ? '' : '17300001' });
      }
      numbered(data.to_PurchaseReqnItem, 'PurchaseRequisitionItem', 10, 1);
    });
  },

  API_PURCHASEORDER_PROCESS_SRV(service) {
    const { A_PurchaseOrder } = service.entities;
    service.before('CREATE', A_PurchaseOrder, async ({ data }) => {
      if (!data.Supplier) refuse('06/321', 'Enter a supplier');
      await partnerOf(data.Supplier, 'Supplier');
      for (const item of data.to_PurchaseOrderItem ?? []) {
        const { BaseUnit } = await productOf(item.Material);
        item.PurchaseOrderQuantityUnit = BaseUnit;
      }
      data.PurchaseOrder = await next(A_PurchaseOrder, 'PurchaseOrder', 4500000000);
      numbered(data.to_PurchaseOrderItem, 'PurchaseOrderItem', 10, 1);
      Object.assign(data, { PurchasingDocumentDeletionCode: '', LastChangeDateTime: now() });
    });
    service.before('UPDATE', A_PurchaseOrder, async ({ data }) => {
      const order = await SELECT.one.from(A_PurchaseOrder, data.PurchaseOrder);
      if (order?.PurchasingDocumentDeletionCode) refuse('06/115', `Purchase order ${data.PurchaseOrder} is deleted`);
      data.LastChangeDateTime = now();
    });
  },
};

// What is there at the start, and stays where the database outlives the server.
async function seed() {
  const partner = cds.entities('API_BUSINESS_PARTNER');
  if (await SELECT.one.from(partner.A_BusinessPartner)) return;
  const names = { 17100001: "O'Neill & Sons", 17100002: 'Inlandskunde DE', 17100003: 'Kunde Nord', 17300001: 'Inlandslieferant DE' };
  await INSERT.into(partner.A_BusinessPartner).entries(
    Object.entries(names).map(([BusinessPartner, name]) => ({
      BusinessPartner, BusinessPartnerCategory: '2', BusinessPartnerFullName: name, OrganizationBPName1: name, SearchTerm1: `C-${BusinessPartner}`,
      CreationDate: '2026-01-01', CreationTime: '08:00:00', ETag: '20260101080000',
    })),
  );
  await INSERT.into(partner.A_BusinessPartnerAddress).entries(
    Object.keys(names).map((BusinessPartner) => ({ BusinessPartner, AddressID: `${BusinessPartner}0`, StreetName: 'Hafenstr. 1', PostalCode: '20457', CityName: 'Hamburg', Country: 'DE' })),
  );
  await INSERT.into(partner.A_AddressEmailAddress).entries([{ AddressID: '171000020', Person: '', OrdinalNumber: '1', EmailAddress: 'info@kunde.example' }]);
  await INSERT.into(partner.A_BusinessPartnerTaxNumber).entries([{ BusinessPartner: '17100002', BPTaxType: 'DE0', BPTaxNumber: 'DE123456789' }]);
  const product = cds.entities('API_PRODUCT_SRV');
  const products = ['TG10', 'TG11', 'TG12', 'TG13', 'TG14', 'TG15', 'TG16', 'TG17', 'TG18', 'ORPHAN'];
  await INSERT.into(product.A_Product).entries(products.map((Product) => ({ Product, ProductType: 'HAWA', BaseUnit: 'PC', LastChangeDateTime: '2026-01-01T08:00:00Z' })));
  await INSERT.into(product.A_ProductDescription).entries(products.map((Product) => ({ Product, Language: 'EN', ProductDescription: `Trading good ${Product}` })));
  const { A_MatlStkInAcctMod } = cds.entities('API_MATERIAL_STOCK_SRV');
  const stock = (StorageLocation, InventoryStockType, quantity) => ({
    Material: 'TG11', Plant: '1010', StorageLocation, Batch: '', InventoryStockType, MaterialBaseUnit: 'PC', MatlWrhsStkQtyInMatlBaseUnit: quantity,
  });
  await INSERT.into(A_MatlStkInAcctMod).entries([stock('101A', '01', '100.5'), stock('101B', '01', 20), stock('101B', '07', 3)]);
}

cds.on('serving', (service) => services[service.name]?.(service));
cds.on('served', seed);
