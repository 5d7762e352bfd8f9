//! What an author of a policy depends on.

#[expect(missing_docs, reason = "generated")]
pub mod bindings {
    wit_bindgen::generate!({ path: "../../wit", world: "policy-full", generate_all, pub_export_macro: true });
}
