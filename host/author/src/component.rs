//! Core modules become components; components become WIT again.

use wit_component::{ComponentEncoder, DecodedWasm, WitPrinter};

use crate::error::AuthorError;

/// Makes a component of a core module that says which world it is for. Imports
/// that its code never calls are dropped.
pub(crate) fn encode(module: &[u8]) -> Result<Vec<u8>, AuthorError> {
    ComponentEncoder::default()
        .validate(true)
        .module(module)
        .and_then(|mut encoder| encoder.encode())
        .map_err(|error| AuthorError::Encode(format!("{error:#}")))
}

/// What a component imports and exports, written as WIT. Nothing of it is run.
///
/// # Errors
/// If it is no component.
pub fn wit_text(wasm: &[u8]) -> Result<String, AuthorError> {
    let failed = |message: String| AuthorError::Encode(message);
    let decoded = wit_component::decode(wasm).map_err(|error| failed(format!("{error:#}")))?;
    let package = decoded.package();
    let resolve = match &decoded {
        DecodedWasm::WitPackage(resolve, _) | DecodedWasm::Component(resolve, _) => resolve,
    };
    let others: Vec<_> = resolve
        .packages
        .iter()
        .map(|(id, _)| id)
        .filter(|id| *id != package)
        .collect();
    let mut printer = WitPrinter::default();
    printer
        .print(resolve, package, &others)
        .map_err(|error| failed(format!("{error:#}")))?;
    Ok(printer.output.to_string())
}
