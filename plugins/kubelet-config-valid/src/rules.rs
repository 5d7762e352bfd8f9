//! What `ValidateKubeletConfiguration` refuses
//! (pkg/kubelet/apis/config/validation/validation.go), and what else of the values
//! ends the kubelet's start.

mod allocatable;
mod features;
mod images;
mod logging;
mod names;
mod numbers;
mod spans;
mod tls;
mod words;

use nodepol_plugin::Unavailable;

use crate::settings::Settings;

/// A rule that is broken.
pub(crate) struct Broken {
    /// The finding's id.
    pub(crate) id: &'static str,
    /// What is wrong.
    pub(crate) message: String,
    /// The fields that it is about.
    pub(crate) pointers: &'static [&'static str],
}

/// What is broken, as it is found.
pub(crate) struct Rules<'s> {
    settings: &'s Settings,
    broken: Vec<Broken>,
}

impl Rules<'_> {
    /// Whether the feature gate of a field is off, and so what is set of it is
    /// refused.
    fn lacks_gate(
        &mut self,
        id: &'static str,
        pointers: &'static [&'static str; 2],
    ) -> Result<bool, Unavailable> {
        let [pointer, gate] = pointers;
        let is_off = self.settings.is(gate, false)?;
        if is_off {
            let gate = gate.strip_prefix(GATES).unwrap_or(gate);
            let message = format!("{} requires feature gate {gate}", field(pointer));
            self.broken(id, pointers, &message);
        }
        Ok(is_off)
    }

    /// One finding of a kind is enough: the kubelet says them all in one line.
    fn broken(&mut self, id: &'static str, pointers: &'static [&'static str], message: &str) {
        if self.broken.iter().all(|known| known.id != id) {
            self.broken.push(Broken {
                id,
                message: message.to_owned(),
                pointers,
            });
        }
    }
}

const GATES: &str = "/featureGates/";

/// `logging.verbosity` of `/logging/verbosity`.
pub(crate) fn field(pointer: &str) -> String {
    let names = pointer.strip_prefix('/').unwrap_or(pointer).chars();
    names.map(|c| if c == '/' { '.' } else { c }).collect()
}

type Done = Result<(), Unavailable>;

/// Every rule.
const RULES: [fn(&mut Rules) -> Done; 9] = [
    numbers::check,
    words::check,
    spans::check,
    allocatable::check,
    images::check,
    names::check,
    logging::check,
    features::check,
    tls::check,
];

/// Everything that is broken. What is not known hides nothing that is.
pub(crate) fn check(settings: &Settings) -> Result<Vec<Broken>, Unavailable> {
    let mut rules = Rules {
        settings,
        broken: Vec::new(),
    };
    let mut unknown = None;
    for rule in RULES {
        if let Err(unavailable) = rule(&mut rules) {
            unknown.get_or_insert(unavailable);
        }
    }
    match unknown {
        Some(unavailable) if rules.broken.is_empty() => Err(unavailable),
        _ => Ok(rules.broken),
    }
}
