//! Fixes: ordered steps, as data.

use crate::bindings::exports::nodepol::policy::check::{
    self, Action, Disruption, Place, RemoveKey, RemoveLine, SetValue, UnitAction, UnitVerb,
    WriteFile,
};

/// The way out of a finding.
///
/// ```
/// use nodepol_plugin::{Disruption, Fix, Place, Step, UnitVerb};
///
/// let conf = "/etc/acme/agent.yaml";
/// let fix = Fix::new("let the agent use the node's own name")
///     .step(Step::set_value(conf, "/nodeName", "null", "take the name of the host"))
///     .step(Step::unit(UnitVerb::Restart, "acme.service", "read it"))
///     .step(
///         Step::command(["kubectl", "delete", "node", "old-name"], "remove the old node")
///             .on(Place::Admin)
///             .disrupts(Disruption::Evict)
///             .verify(["kubectl", "get", "nodes"]),
///     );
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Fix(pub(crate) check::Fix);

impl Fix {
    /// A fix that achieves what `summary` says, in one line.
    pub fn new(summary: impl Into<String>) -> Self {
        Self(check::Fix {
            summary: summary.into(),
            steps: Vec::new(),
        })
    }

    /// The next step.
    #[must_use]
    pub fn step(mut self, step: Step) -> Self {
        self.0.steps.push(step.0);
        self
    }

    /// The next steps.
    #[must_use]
    pub fn steps(mut self, steps: impl IntoIterator<Item = Step>) -> Self {
        self.0.steps.extend(steps.into_iter().map(|step| step.0));
        self
    }

    /// The steps of another fix, after these.
    #[must_use]
    pub fn followed_by(mut self, other: Self) -> Self {
        self.0.steps.extend(other.0.steps);
        self
    }
}

/// One step: on the node and disturbing nothing, until told otherwise. Each
/// constructor takes what the step does and why, in one line, last.
#[derive(Debug, Clone, PartialEq)]
pub struct Step(check::Step);

impl Step {
    fn new(action: Action, disruption: Disruption, description: impl Into<String>) -> Self {
        Self(check::Step {
            description: description.into(),
            place: Place::Node,
            action,
            disruption,
            verify: None,
        })
    }

    /// Run a program: its argv, never a line for a shell. The words are texts of
    /// either kind.
    ///
    /// ```
    /// # use nodepol_plugin::Step;
    /// let device = String::from("/dev/sdb1");
    /// Step::command(["swapoff", device.as_str()], "turn it off now");
    /// Step::command(vec!["swapoff".to_owned(), device], "turn it off now");
    /// ```
    pub fn command<W: Into<String>>(
        argv: impl IntoIterator<Item = W>,
        description: impl Into<String>,
    ) -> Self {
        Self::argv(argv.into_iter().map(Into::into).collect(), description)
    }

    /// [`Step::command`] with an argv that is one list already.
    pub fn argv(argv: Vec<String>, description: impl Into<String>) -> Self {
        Self::new(Action::Command(argv), Disruption::None, description)
    }

    /// Set one value of a structured file to a JSON value.
    pub fn set_value(
        path: impl Into<String>,
        pointer: impl Into<String>,
        json: impl Into<String>,
        description: impl Into<String>,
    ) -> Self {
        Self::new(
            Action::SetValue(SetValue {
                path: path.into(),
                pointer: pointer.into(),
                json: json.into(),
            }),
            Disruption::None,
            description,
        )
    }

    /// Remove one key of a structured file.
    pub fn remove_key(
        path: impl Into<String>,
        pointer: impl Into<String>,
        description: impl Into<String>,
    ) -> Self {
        Self::new(
            Action::RemoveKey(RemoveKey {
                path: path.into(),
                pointer: pointer.into(),
            }),
            Disruption::None,
            description,
        )
    }

    /// Write a whole small file.
    pub fn write_file(
        path: impl Into<String>,
        mode: u32,
        content: impl Into<String>,
        description: impl Into<String>,
    ) -> Self {
        Self::new(
            Action::WriteFile(WriteFile {
                path: path.into(),
                mode,
                content: content.into(),
            }),
            Disruption::None,
            description,
        )
    }

    /// Remove one line of a text file.
    pub fn remove_line(
        path: impl Into<String>,
        line: u32,
        text: impl Into<String>,
        description: impl Into<String>,
    ) -> Self {
        Self::new(
            Action::RemoveLine(RemoveLine {
                path: path.into(),
                line,
                text: text.into(),
            }),
            Disruption::None,
            description,
        )
    }

    /// Act on a unit. Starting, stopping and restarting disturb its service.
    pub fn unit(verb: UnitVerb, name: impl Into<String>, description: impl Into<String>) -> Self {
        let disruption = match verb {
            UnitVerb::Start | UnitVerb::Stop | UnitVerb::Restart => Disruption::Restart,
            _ => Disruption::None,
        };
        Self::new(
            Action::Unit(UnitAction {
                name: name.into(),
                verb,
            }),
            disruption,
            description,
        )
    }

    /// `systemctl daemon-reload`.
    pub fn daemon_reload() -> Self {
        Self::unit(
            UnitVerb::DaemonReload,
            "",
            "make systemd read the changed files",
        )
    }

    /// Restart the kubelet; pods keep running.
    pub fn restart_kubelet() -> Self {
        Self::unit(
            UnitVerb::Restart,
            "kubelet.service",
            "start the kubelet again",
        )
        .verify(["systemctl", "is-active", "kubelet.service"])
    }

    /// Something that only a person can do.
    pub fn note(text: impl Into<String>) -> Self {
        let text = text.into();
        Self::new(Action::Note(text.clone()), Disruption::None, text)
    }

    /// Where it is done.
    #[must_use]
    pub fn on(mut self, place: Place) -> Self {
        self.0.place = place;
        self
    }

    /// What it disturbs.
    #[must_use]
    pub fn disrupts(mut self, disruption: Disruption) -> Self {
        self.0.disruption = disruption;
        self
    }

    /// A command that exits with 0 once the step has taken effect.
    #[must_use]
    pub fn verify<W: Into<String>>(mut self, argv: impl IntoIterator<Item = W>) -> Self {
        self.0.verify = Some(argv.into_iter().map(Into::into).collect());
        self
    }
}
