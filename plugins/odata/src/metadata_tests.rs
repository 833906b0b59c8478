use super::*;
use crate::options::{EntityOptions, Version};

const EDMX: &str = r#"<?xml version="1.0"?><edmx:Edmx Version="1.0"><edmx:DataServices><Schema Namespace="S">
<EntityType Name="OrderType"><Key><PropertyRef Name="No"/></Key>
<Property Name="No" Type="Edm.String"/><Property Name="Sum" Type="Edm.Decimal"/><Property Name="Changed" Type="Edm.DateTime"/><Property Name="Photo" Type="Edm.Binary"/>
<NavigationProperty Name="to_Line" Relationship="S.r" FromRole="a" ToRole="b"/></EntityType>
<EntityType Name="LineType"><Key><PropertyRef Name="No"/><PropertyRef Name="Item"/></Key><Property Name="Item" Type="Edm.String"></Property>
<Property Name="At" Type="Edm.TimeOfDay"/></EntityType>
<EntityContainer Name="C"><EntitySet Name="Orders" EntityType="S.OrderType"/><EntitySet Name="Lines" EntityType="S.LineType"/></EntityContainer></Schema></edmx:DataServices></edmx:Edmx>"#;

fn problems(options: &str) -> Vec<String> {
    let options: EntityOptions =
        serde_json::from_str(options).unwrap_or_else(|error| unreachable!("{error}"));
    let entity = Entity::compile("order", &options, Version::V2)
        .unwrap_or_else(|problem| unreachable!("{problem}"));
    let service = parse(EDMX).unwrap_or_else(|problem| unreachable!("{problem}"));
    of(&service, &entity)
}

#[test]
fn what_the_service_does_not_have_is_told() {
    let good = r#"{"set":"Orders","key":["No"],"types":{"Sum":"Decimal","Changed":"Date"},
        "fields":{"no":"No","sum":"Sum","on":"Changed","lines":{"each":"to_Line","fields":{"sku":"Item"}}}}"#;
    assert_eq!(problems(good), [""; 0]);
    let cases = [
        (
            r#"{"set":"Order","key":["No"]}"#,
            "the service has no set `Order`; it has Lines, Orders",
        ),
        (
            r#"{"set":"Orders","key":["Number"]}"#,
            "the key of `Orders` is another: write `key: [No]`",
        ),
        (
            r#"{"set":"Orders","key":["No"],"fields":{"a":"Nr"}}"#,
            "`Orders` has no `Nr`; it has Changed, No, Photo, Sum, to_Line",
        ),
        (
            r#"{"set":"Orders","key":["No"],"fields":{"a":"to_Lines/0/Item"}}"#,
            "`Orders` has no `to_Lines`; it has Changed, No, Photo, Sum, to_Line",
        ),
        (
            r#"{"set":"Orders","key":["No"],"fields":{"a":"to_Line/0/Price"}}"#,
            "nothing in the service has `to_Line/Price`",
        ),
        (
            r#"{"set":"Orders","key":["No"],"fields":{"a":"Sum"}}"#,
            "`Sum` is Edm.Decimal, not String: write `Sum: Decimal` under `types`",
        ),
        (
            r#"{"set":"Orders","key":["No"],"fields":{"a":"Changed"}}"#,
            "`Changed` is Edm.DateTime, not String: write `Changed: DateTime` under `types`, or `Date` where it is a day alone",
        ),
        (
            r#"{"set":"Orders","key":["No"],"fields":{"a":"to_Line/0/At"}}"#,
            "`to_Line/At` is Edm.TimeOfDay, not String: write `At: Time` under `types`",
        ),
        (
            r#"{"set":"Orders","key":["No"],"fields":{"a":"Photo"}}"#,
            "`Photo` is Edm.Binary, not String: there is no such type here, take it out of `fields`",
        ),
        (
            r#"{"set":"Lines","key":["Item"]}"#,
            "the key of `Lines` is another: write `key: [No, Item]`",
        ),
    ];
    for (options, problem) in cases {
        assert_eq!(problems(options), [problem], "{options}");
    }
    assert!(parse("<a><b></a>").is_err());
    assert!(parse("<!DOCTYPE a><a/>").is_err());
}
