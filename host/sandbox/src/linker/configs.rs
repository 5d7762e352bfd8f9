//! The interface `configs`.

use nodepol_facts::configs as facts;

use super::convert::{IntoWit, wit};
use crate::bindings::nodepol::policy::configs::{Document, Host, Kind, Scalar, Value};
use crate::bindings::nodepol::policy::types::Unavailable;
use crate::host_state::HostState;

impl Host for HostState {
    fn documents(&mut self) -> wasmtime::Result<Vec<Document>> {
        Ok(wit(self.facts()?.configs.documents()))
    }

    fn get(
        &mut self,
        path: String,
        pointer: String,
    ) -> wasmtime::Result<Result<Option<Value>, Unavailable>> {
        Ok(wit(self.facts()?.configs.get(&path, &pointer)))
    }

    fn keys(
        &mut self,
        path: String,
        pointer: String,
    ) -> wasmtime::Result<Result<Vec<String>, Unavailable>> {
        Ok(wit(self.facts()?.configs.keys(&path, &pointer)))
    }

    fn json(
        &mut self,
        path: String,
        pointer: String,
    ) -> wasmtime::Result<Result<Option<String>, Unavailable>> {
        Ok(wit(self.facts()?.configs.json(&path, &pointer)))
    }
}

impl IntoWit for facts::Document {
    type Wit = Document;

    fn into_wit(self) -> Document {
        Document {
            path: self.path,
            format: self.format.to_owned(),
            problem: self.problem,
        }
    }
}

impl IntoWit for facts::Value {
    type Wit = Value;

    fn into_wit(self) -> Value {
        Value {
            kind: match self.kind {
                facts::Kind::Null => Kind::Null,
                facts::Kind::Boolean => Kind::Boolean,
                facts::Kind::Integer => Kind::Integer,
                facts::Kind::Float => Kind::Float,
                facts::Kind::Text => Kind::Text,
                facts::Kind::Array => Kind::Array,
                facts::Kind::Object => Kind::Object,
            },
            scalar: match self.scalar {
                facts::Scalar::Null => Scalar::Null,
                facts::Scalar::Boolean(value) => Scalar::Boolean(value),
                facts::Scalar::Integer(value) => Scalar::Integer(value),
                facts::Scalar::Float(value) => Scalar::Float(value),
                facts::Scalar::Text(text) => Scalar::Text(text),
            },
            at: wit(self.at),
        }
    }
}
