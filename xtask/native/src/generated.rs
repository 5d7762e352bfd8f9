//! The types and traits of `wit/`, generated as the sandbox generates its own.

#![allow(
    missing_docs,
    unreachable_pub,
    dead_code,
    clippy::all,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::todo,
    reason = "generated from wit/, where every item is documented"
)]

wasmtime::component::bindgen!({
    path: "../../wit",
    world: "policy-full",
    imports: { default: trappable },
    additional_derives: [PartialEq],
});
