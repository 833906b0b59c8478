// A small ERP of the tests' own. Services, entities, properties and statuses are called as in the published APIs of SAP
// S/4HANA (api.sap.com: API_BUSINESS_PARTNER, API_PRODUCT_SRV, API_MATERIAL_STOCK_SRV, API_PRODUCT_AVAILY_INFO_BASIC,
// API_SALES_ORDER_SRV, API_OUTBOUND_DELIVERY_SRV, API_PURCHASEREQ_PROCESS_SRV, API_PURCHASEORDER_PROCESS_SRV), of each
// only what is used.

@path: '/sap/opu/odata4/sap/API_BUSINESS_PARTNER'
@requires: 'sales'
service API_BUSINESS_PARTNER {
  entity A_BusinessPartner {
    key BusinessPartner : String(10);
    BusinessPartnerCategory : String(1);
    BusinessPartnerFullName : String(81);
    OrganizationBPName1 : String(40) not null;
    SearchTerm1 : String(20);
    BusinessPartnerIDByExtSystem : String(20);
    CreationDate : Date;
    CreationTime : Time;
    LastChangeDate : Date;
    LastChangeTime : Time;
    @odata.etag ETag : String(26);
    to_BusinessPartnerAddress : Composition of many A_BusinessPartnerAddress on to_BusinessPartnerAddress.BusinessPartner = BusinessPartner;
    to_BusinessPartnerTax : Composition of many A_BusinessPartnerTaxNumber on to_BusinessPartnerTax.BusinessPartner = BusinessPartner;
  }
  entity A_BusinessPartnerAddress {
    key BusinessPartner : String(10);
    key AddressID : String(10);
    StreetName : String(60);
    PostalCode : String(10);
    CityName : String(40);
    Country : String(3);
    to_EmailAddress : Composition of many A_AddressEmailAddress on to_EmailAddress.AddressID = AddressID;
    to_PhoneNumber : Composition of many A_AddressPhoneNumber on to_PhoneNumber.AddressID = AddressID;
  }
  entity A_AddressEmailAddress {
    key AddressID : String(10);
    key Person : String(10) default '';
    key OrdinalNumber : String(3) default '1';
    EmailAddress : String(241);
  }
  entity A_AddressPhoneNumber {
    key AddressID : String(10);
    key Person : String(10) default '';
    key OrdinalNumber : String(3) default '1';
    PhoneNumber : String(30);
  }
  entity A_BusinessPartnerTaxNumber {
    key BusinessPartner : String(10);
    key BPTaxType : String(4);
    BPTaxNumber : String(20);
  }
}

@path: '/sap/opu/odata4/sap/API_PRODUCT_SRV'
@requires: 'authenticated-user'
service API_PRODUCT_SRV {
  // A page of the server's own making: four products and a link to the next.
  @cds.query.limit: { default: 4, max: 4 }
  entity A_Product {
    key Product : String(40);
    ProductType : String(4);
    BaseUnit : String(3);
    LastChangeDateTime : Timestamp;
    to_Description : Composition of many A_ProductDescription on to_Description.Product = Product;
  }
  entity A_ProductDescription {
    key Product : String(40);
    key Language : String(2);
    ProductDescription : String(40);
  }
}

@path: '/sap/opu/odata4/sap/API_MATERIAL_STOCK_SRV'
@requires: 'authenticated-user'
service API_MATERIAL_STOCK_SRV {
  @readonly entity A_MatlStkInAcctMod {
    key Material : String(40);
    key Plant : String(4);
    key StorageLocation : String(4);
    key Batch : String(10);
    key InventoryStockType : String(2);
    MaterialBaseUnit : String(3);
    MatlWrhsStkQtyInMatlBaseUnit : Decimal(31, 14);
  }
}

@path: '/sap/opu/odata4/sap/API_PRODUCT_AVAILY_INFO_BASIC'
@requires: 'authenticated-user'
service API_PRODUCT_AVAILY_INFO_BASIC {
  type AvailabilityRecord {
    RequestedUTCDateTime : DateTime;
    AvailableQuantityInBaseUnit : Decimal(15, 3);
    BaseUnit : String(3);
  }
  function DetermineAvailabilityAt(ATPCheckingRule : String(2), Material : String(40), SupplyingPlant : String(4), RequestedUTCDateTime : DateTime) returns AvailabilityRecord;
}

@path: '/sap/opu/odata4/sap/API_SALES_ORDER_SRV'
@requires: 'sales'
service API_SALES_ORDER_SRV {
  entity A_SalesOrder {
    key SalesOrder : String(10);
    SalesOrderType : String(4);
    SalesOrganization : String(4);
    DistributionChannel : String(2);
    OrganizationDivision : String(2);
    SoldToParty : String(10);
    PurchaseOrderByCustomer : String(35);
    ExternalDocumentID : String(40);
    RequestedDeliveryDate : Date;
    TotalNetAmount : Decimal(16, 3);
    TransactionCurrency : String(5);
    SalesDocApprovalStatus : String(1);
    OverallTotalDeliveryStatus : String(1);
    OverallSDDocumentRejectionSts : String(1);
    @odata.etag LastChangeDateTime : Timestamp;
    to_Item : Composition of many A_SalesOrderItem on to_Item.SalesOrder = SalesOrder;
    to_Text : Composition of many A_SalesOrderText on to_Text.SalesOrder = SalesOrder;
  } actions {
    action releaseApprovalRequest();
  };
  entity A_SalesOrderItem {
    key SalesOrder : String(10);
    key SalesOrderItem : String(6);
    Material : String(40);
    RequestedQuantity : Decimal(15, 3);
    RequestedQuantityUnit : String(3);
    NetPriceAmount : Decimal(11, 3);
    TransactionCurrency : String(5);
    SalesDocumentRjcnReason : String(2);
  }
  entity A_SalesOrderText {
    key SalesOrder : String(10);
    key Language : String(2);
    key LongTextID : String(4);
    LongText : String;
  }
  // What is a bound action in OData V4 is a function import with the key as its parameter in V2.
  action releaseApprovalRequest(SalesOrder : String(10));
}

@path: '/sap/opu/odata4/sap/API_OUTBOUND_DELIVERY_SRV'
@requires: 'sales'
service API_OUTBOUND_DELIVERY_SRV {
  entity A_OutbDeliveryHeader {
    key DeliveryDocument : String(10);
    OverallGoodsMovementStatus : String(1);
    @odata.etag LastChangeDate : Timestamp;
    to_DeliveryDocumentItem : Composition of many A_OutbDeliveryItem on to_DeliveryDocumentItem.DeliveryDocument = DeliveryDocument;
  } actions {
    action PostGoodsIssue();
  };
  entity A_OutbDeliveryItem {
    key DeliveryDocument : String(10);
    key DeliveryDocumentItem : String(6);
    ReferenceSDDocument : String(10);
    ReferenceSDDocumentItem : String(6);
    Material : String(40);
    ActualDeliveryQuantity : Decimal(13, 3);
    GoodsMovementStatus : String(1);
  }
  action PostGoodsIssue(DeliveryDocument : String(10));
}

@path: '/sap/opu/odata4/sap/API_PURCHASEREQ_PROCESS_SRV'
@requires: 'purchasing'
service API_PURCHASEREQ_PROCESS_SRV {
  entity A_PurchaseRequisitionHeader {
    key PurchaseRequisition : String(10);
    PurchaseRequisitionType : String(4);
    PurReqnDescription : String(40);
    to_PurchaseReqnItem : Composition of many A_PurchaseRequisitionItem on to_PurchaseReqnItem.PurchaseRequisition = PurchaseRequisition;
  }
  entity A_PurchaseRequisitionItem {
    key PurchaseRequisition : String(10);
    key PurchaseRequisitionItem : String(5);
    Material : String(40);
    Plant : String(4);
    StorageLocation : String(4);
    RequestedQuantity : Decimal(13, 3);
    BaseUnit : String(3);
    DeliveryDate : Date;
    PurchaseRequisitionItemText : String(40);
    FixedSupplier : String(10);
    OrderedQuantity : Decimal(13, 3);
  }
}

@path: '/sap/opu/odata4/sap/API_PURCHASEORDER_PROCESS_SRV'
@requires: 'purchasing'
service API_PURCHASEORDER_PROCESS_SRV {
  entity A_PurchaseOrder {
    key PurchaseOrder : String(10);
    PurchaseOrderType : String(4);
    CompanyCode : String(4);
    PurchasingOrganization : String(4);
    PurchasingGroup : String(3);
    Supplier : String(10);
    DocumentCurrency : String(5);
    CorrespncInternalReference : String(12);
    PurchasingCompletenessStatus : Boolean;
    PurchasingDocumentDeletionCode : String(1);
    @odata.etag LastChangeDateTime : Timestamp;
    to_PurchaseOrderItem : Composition of many A_PurchaseOrderItem on to_PurchaseOrderItem.PurchaseOrder = PurchaseOrder;
  }
  entity A_PurchaseOrderItem {
    key PurchaseOrder : String(10);
    key PurchaseOrderItem : String(5);
    Material : String(40);
    Plant : String(4);
    OrderQuantity : Decimal(13, 3);
    PurchaseOrderQuantityUnit : String(3);
    NetPriceAmount : Decimal(11, 3);
    DocumentCurrency : String(5);
    PurchaseRequisition : String(10);
    PurchaseRequisitionItem : String(5);
  }
}

// What Microsoft's Dynamics 365 calls its own: a Guid as key, and an alternate key that a caller may give.
@path: '/api/data/v9.2'
@requires: 'sales'
service Dynamics {
  entity accounts {
    key accountid : UUID;
    name : String(160);
    @assert.unique accountnumber : String(20);
    numberofemployees : Integer;
    marketcap : Decimal(19, 4);
    versionnumber : Integer64;
    @odata.etag modifiedon : Timestamp @cds.on.insert: $now @cds.on.update: $now;
  }
}
