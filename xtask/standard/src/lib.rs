//! Every standard policy, in one component: the same sources as in the component
//! of each, with one SDK between them. Its parameter `policy` says which of them
//! is meant; the others are that policy's own.
#![cfg(target_arch = "wasm32")]

use nodepol_plugin::bindings::exports::nodepol::policy::check;
use nodepol_plugin::{Answer, Argument, Failure, Horizon, Phase, Severity, Value};

/// The parameter that names the policy.
const POLICY: &str = "policy";

/// How a policy judges a node.
type Evaluate = fn(Vec<Horizon>, Vec<Argument>) -> Result<Answer, Failure>;

/// What a policy says `policy!` for: here it is one of many.
macro_rules! policy {
    ($policy:ty) => {
        pub(crate) const EVALUATE: crate::Evaluate = nodepol_plugin::component::evaluate::<$policy>;
    };
}

include!(concat!(env!("OUT_DIR"), "/policies.rs"));

struct Standard;

impl check::Guest for Standard {
    fn describe() -> check::Description {
        check::Description {
            id: "standard".to_owned(),
            title: "The standard policies".to_owned(),
            rule: "what the policy `policy` demands holds".to_owned(),
            severity: Severity::Blocker,
            phases: vec![Phase::Image, Phase::PreJoin, Phase::Boot, Phase::Running],
            parameters: vec![check::Parameter {
                name: POLICY.to_owned(),
                default: Value::Text(String::new()),
                description: "the id of a standard policy".to_owned(),
            }],
            documentation: None,
        }
    }

    fn evaluate(horizons: Vec<Horizon>, mut parameters: Vec<Argument>) -> Result<Answer, Failure> {
        let named = parameters
            .iter()
            .position(|argument| argument.name == POLICY)
            .map(|at| parameters.swap_remove(at).value);
        let Some(Value::Text(id)) = named else {
            return Err(Failure::InvalidParameter(POLICY.to_owned()));
        };
        let found = POLICIES.binary_search_by_key(&id.as_str(), |(id, _)| id);
        match found.ok().and_then(|at| POLICIES.get(at)) {
            Some((_, evaluate)) => evaluate(horizons, parameters),
            None => Err(Failure::InvalidParameter(id)),
        }
    }
}

nodepol_plugin::bindings::export!(Standard with_types_in nodepol_plugin::bindings);
