use crate::arguments::View;
use anyhow::Result;
use nodepol_facts::Facts;
use nodepol_facts::evidence::Evidence;
use nodepol_model::report::{NodeSummary, PhaseChoice};
use nodepol_model::{Phase, Snapshot};
use std::sync::Arc;

pub(crate) fn facts(snapshot: Arc<Snapshot>, _view: &View) -> Result<Facts> {
    Ok(Facts::new(Arc::new(Evidence::new(snapshot))))
}
pub(crate) fn phase(_facts: &Facts) -> PhaseChoice {
    PhaseChoice {
        name: Phase::Running,
        reason: String::new(),
    }
}
pub(crate) fn node(_facts: &Facts) -> NodeSummary {
    NodeSummary {
        name: None,
        os: None,
        kernel: None,
        kubelet: None,
        runtime: None,
        join_state: String::new(),
    }
}
pub(crate) fn json(_facts: &Facts) -> serde_json::Value {
    serde_json::json!({})
}
pub(crate) fn text(_facts: &serde_json::Value, _color: bool, _width: usize) -> String {
    String::new()
}
