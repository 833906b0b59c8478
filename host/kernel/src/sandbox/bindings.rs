//! What `wit/` says, as Rust: generated types and traits. Conversions are in `convert`, the imports in `imports`.
#![allow(
    missing_docs,
    unreachable_pub,
    reason = "generated from wit/, which documents it"
)]

wasmtime::component::bindgen!({
    path: "../../wit",
    world: "adapter",
    imports: {
        "tombolo:adapter/http.send": async | trappable,
        "tombolo:adapter/sql.run": async | trappable,
        "tombolo:adapter/broker.publish": async | trappable,
        "tombolo:adapter/store": async | trappable,
        "tombolo:adapter/actions.call": async | trappable,
        default: trappable,
    },
    exports: { default: async },
});
