// A shop with one product, a customer's country and ways to ship and pay, in the folder that SHOP_FOLDER names.
const path = require('node:path');
const { createRequire } = require('node:module');
const need = createRequire(path.join(process.env.SHOP_MODULES, 'package.json'));
const core = need('@vendure/core');
const { populate } = need('@vendure/core/cli');

const folder = process.env.SHOP_FOLDER;
const config = {
  apiOptions: { hostname: '127.0.0.1', port: Number(process.env.SHOP_PORT || 0), adminApiPath: 'admin-api', shopApiPath: 'shop-api' },
  authOptions: {
    tokenMethod: ['bearer'],
    requireVerification: false,
    superadminCredentials: { identifier: 'superadmin', password: 'superadmin-password' },
  },
  dbConnectionOptions: { type: 'better-sqlite3', database: path.join(folder, 'shop.sqlite'), synchronize: true, logging: false },
  paymentOptions: { paymentMethodHandlers: [core.dummyPaymentHandler] },
  importExportOptions: { importAssetsDir: folder },
  logger: new core.DefaultLogger({ level: core.LogLevel.Warn }),
  plugins: [core.DefaultJobQueuePlugin.init({ useDatabaseForBuffer: true })],
};

const initialData = {
  defaultLanguage: 'en',
  defaultZone: 'Europe',
  countries: [{ name: 'Germany', code: 'DE', zone: 'Europe' }],
  taxRates: [{ name: 'Standard', percentage: 19 }],
  shippingMethods: [{ name: 'Parcel', price: 500 }],
  paymentMethods: [
    { name: 'Invoice', handler: { code: core.dummyPaymentHandler.code, arguments: [{ name: 'automaticSettle', value: 'true' }] } },
  ],
  collections: [],
  roles: [{ code: 'host', description: 'The integration host', permissions: ['ReadOrder', 'UpdateOrder', 'ReadCatalog', 'UpdateCatalog', 'ReadCustomer', 'ReadStockLocation'] }],
};

async function main() {
  if (process.argv[2] === 'populate') {
    const app = await populate(() => core.bootstrap(config), initialData, path.join(__dirname, 'products.csv'));
    await app.close();
    process.exit(0);
  }
  await core.bootstrap(config);
}

main().catch(error => {
  console.error(error);
  process.exit(1);
});
