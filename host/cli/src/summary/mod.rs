//! The node in a few words, and all facts about it as text.

mod text;

use nodepol_facts::Facts;
use nodepol_facts::facts::Question;
use nodepol_facts::join_state::JoinState;
use nodepol_model::report::{NodeSummary, PhaseChoice};
use nodepol_model::{Horizon, Phase};

pub(crate) use text::text;

use crate::arguments::{Program, View};

/// What is judged besides the snapshot, but for `--at`.
pub(crate) fn question(view: &View) -> Question {
    let mut question = Question::default();
    for assumption in &view.assume {
        let version = Some(assumption.version.clone());
        match assumption.program {
            Program::Kubelet => question.assumptions.kubelet = version,
            Program::Containerd => question.assumptions.containerd = version,
        }
    }
    question
}

/// Asks what policies ask besides what all facts in one show, of what the node's own
/// files name: so that it is read before the first of them runs.
pub(crate) fn ask_ahead(facts: &Facts) {
    for at in [Horizon::Now, Horizon::NextBoot] {
        let commands = facts.units.commands(at, "kubelet.service", "ExecStart");
        for command in commands.unwrap_or_default() {
            let _ = facts.units.program(&command.path);
        }
        let _ = facts.certs.client_issuer(at);
    }
    let _ = facts.network.configured_addresses();
}

/// The phase that the node's files speak for.
pub(crate) fn phase(facts: &Facts) -> PhaseChoice {
    let (name, reason) = facts.phase();
    // The disk of a node that has joined will be booted from as it is: more can
    // be judged of it than of an image.
    if name == Phase::Image && matches!(facts.join_state(), Ok(JoinState::Joined)) {
        return PhaseChoice {
            name: Phase::Boot,
            reason: "these are the files of a node that has joined a cluster, and nothing runs \
                     from them"
                .to_owned(),
        };
    }
    PhaseChoice {
        name,
        reason: reason.to_owned(),
    }
}

/// Who is judged.
pub(crate) fn node(facts: &Facts) -> NodeSummary {
    NodeSummary {
        name: name(facts),
        ..without_name(facts)
    }
}

/// The node's own name.
pub(crate) fn name(facts: &Facts) -> Option<String> {
    let hostname = facts
        .node
        .hostname(Horizon::Now)
        .or_else(|_| facts.node.hostname(Horizon::NextBoot));
    hostname.ok().flatten().map(|name| name.value)
}

/// What is judged, by whatever name.
pub(crate) fn without_name(facts: &Facts) -> NodeSummary {
    let runtime = facts.runtimes.selected(Horizon::NextBoot).ok().flatten();
    NodeSummary {
        name: None,
        os: facts
            .node
            .os()
            .ok()
            .flatten()
            .map(|os| os.pretty_name.unwrap_or(os.id)),
        kernel: facts.node.kernel_release().ok().flatten(),
        kubelet: facts.kubelet.summary().version.map(|version| version.text),
        runtime: runtime.map(|runtime| match runtime.version {
            Some(version) => format!("{} {}", runtime.name, version.text),
            None => runtime.name,
        }),
        join_state: facts
            .join_state()
            .map_or_else(|_| "unknown".to_owned(), |state| word(state).to_owned()),
    }
}

/// The word of `wit/node.wit`.
const fn word(state: JoinState) -> &'static str {
    match state {
        JoinState::NoKubelet => "no-kubelet",
        JoinState::InstalledNotJoined => "installed-not-joined",
        JoinState::Joining => "joining",
        JoinState::Joined => "joined",
        JoinState::BrokenPartial => "broken-partial",
    }
}
