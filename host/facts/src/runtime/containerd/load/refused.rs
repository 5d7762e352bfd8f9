//! What keeps a release from starting with files that it can read.

use nodepol_model::Location;

use super::State;
use crate::go_duration;
use crate::runtime::tree::Tree;

/// The kind of problem, what containerd says, and where.
type Refusal = (&'static str, String, Location);

impl State {
    pub(super) fn check(&mut self) {
        let found = [self.names(), self.required(), self.timeouts()];
        for (kind, message, at) in found.into_iter().flatten() {
            self.problem(kind, message, at, true);
        }
    }

    /// `ValidateV2` of 1.x, `ValidateVersion` of 2.x.
    fn names(&self) -> Vec<Refusal> {
        let release = self.release;
        let mut found = Vec::new();
        if let Some(highest) = release.highest_version()
            && self.version > highest
        {
            let at = self
                .files
                .iter()
                .rev()
                .find(|file| file.version > highest)
                .and_then(|file| file.tree.get("version"))
                .map_or_else(|| Location::source("default"), |tree| tree.at.clone());
            found.push((
                "version-too-high",
                format!(
                    "containerd {} accepts version {highest} at most, and does not start with \
                     version {}",
                    release.line(),
                    self.version
                ),
                at,
            ));
        }
        if release.is_2() || self.version >= 2 {
            let lists = [("disabled", &self.disabled), ("required", &self.required)];
            for (list, (name, at)) in lists
                .iter()
                .flat_map(|(list, names)| names.iter().map(move |name| (list, name)))
            {
                if !release.is_plugin_uri(name) {
                    found.push((
                        "invalid-plugin-uri",
                        format!(
                            "invalid {list} plugin URI \"{name}\" expect io.containerd.x.vx: \
                             containerd does not start"
                        ),
                        at.clone(),
                    ));
                }
            }
        }
        if !release.is_2() && self.version >= 2 {
            for (name, plugin) in self.plugins.entries() {
                if !release.is_plugin_uri(name) {
                    found.push((
                        "invalid-plugin-uri",
                        format!(
                            "invalid plugin key URI \"{name}\" expect io.containerd.x.vx: \
                             containerd does not start"
                        ),
                        plugin.at.clone(),
                    ));
                }
            }
        }
        found
    }

    /// What is disabled is not loaded, be it required or not (`LoadPlugins` and `New`
    /// of the server).
    fn required(&self) -> Vec<Refusal> {
        let is_disabled = |name: &String| self.disabled.iter().any(|(known, _)| known == name);
        self.required
            .iter()
            .filter(|(name, _)| is_disabled(name))
            .map(|(name, at)| {
                (
                    "required-plugin-disabled",
                    format!(
                        "required plugin [{name}] not included, for disabled_plugins names it \
                         too: containerd does not start"
                    ),
                    at.clone(),
                )
            })
            .collect()
    }

    fn timeouts(&self) -> Vec<Refusal> {
        let timeouts = self
            .files
            .iter()
            .filter_map(|file| file.tree.get("timeouts"))
            .flat_map(Tree::entries);
        timeouts
            .filter_map(|(name, timeout)| Some((name, timeout.text()?, &timeout.at)))
            .filter(|(_, text, _)| go_duration::parse(text).is_err())
            .map(|(name, text, at)| {
                (
                    "bad-timeout",
                    format!(
                        "unable to parse {text} into a time duration (timeouts.\"{name}\"): \
                         containerd does not start"
                    ),
                    at.clone(),
                )
            })
            .collect()
    }
}
