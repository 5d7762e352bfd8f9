//! containerd: its files, as each of its releases reads them.

mod cri;
mod edits;
mod files;
mod load;
mod problems;
mod release;
mod schema;

use nodepol_model::{Location, Unavailable};

use super::types::{Edit, Handler};
use crate::evidence::Evidence;
use crate::sourced::{Problem, Sourced, Version};
use cri::Answer;
use load::Loaded;
use release::Release;

/// The socket if nothing names another (`defaults.DefaultAddress`).
pub(crate) const DEFAULT_ADDRESS: &str = "/run/containerd/containerd.sock";
/// The file if no flag names another.
pub(crate) const DEFAULT_CONFIG: &str = "/etc/containerd/config.toml";

/// One way to read the files: that of one release.
#[derive(Debug, Clone)]
struct Reading {
    loaded: Loaded,
    handlers: Vec<cri::CriHandler>,
}

/// The configuration of one containerd: of its release, or, where that is not
/// known, of every release that could start with these files.
#[derive(Debug, Clone)]
pub(crate) struct Containerd {
    path: String,
    readings: Vec<Reading>,
}

impl Containerd {
    /// Reads `path`. `required`: a flag names it.
    ///
    /// # Errors
    /// [`Unavailable`] if a file could not be read.
    pub(crate) fn read(
        evidence: &Evidence,
        path: &str,
        required: bool,
        version: Option<&Version>,
    ) -> Result<Self, Unavailable> {
        let releases = version.map_or_else(|| Release::LINES.to_vec(), |v| vec![Release::of(v)]);
        let mut readings = releases
            .into_iter()
            .map(|release| Ok(Reading::of(load::load(evidence, path, required, release)?)))
            .collect::<Result<Vec<_>, Unavailable>>()?;
        // A release that would not start with these files does not run here,
        // unless none would.
        if readings.iter().any(|reading| !reading.loaded.is_refused()) {
            readings.retain(|reading| !reading.loaded.is_refused());
        }
        Ok(Self {
            path: path.to_owned(),
            readings,
        })
    }

    /// What `containerd config dump` printed.
    ///
    /// # Errors
    /// [`Unavailable`] if that is not TOML.
    pub(crate) fn dumped(
        text: &str,
        source: &str,
        version: Option<&Version>,
    ) -> Result<Self, Unavailable> {
        let releases = version.map_or_else(|| Release::LINES.to_vec(), |v| vec![Release::of(v)]);
        let readings = releases
            .into_iter()
            .map(|release| Ok(Reading::of(load::dumped(text, source, release)?)))
            .collect::<Result<Vec<_>, Unavailable>>()?;
        Ok(Self {
            path: source.to_owned(),
            readings,
        })
    }

    /// What the first file says as `version`; 1 if it says nothing; none if
    /// there is no file.
    pub(crate) fn config_version(&self) -> Option<u32> {
        self.readings
            .first()
            .and_then(|reading| reading.loaded.root_version)
    }

    /// Whether RuntimeConfig is answered, if all releases that could run here
    /// agree on that.
    pub(crate) fn is_2(&self) -> Option<bool> {
        self.agreed(|reading| reading.loaded.release.is_2()).ok()
    }

    /// The files that were read, in order.
    pub(crate) fn files(&self) -> Vec<String> {
        let files = self
            .readings
            .iter()
            .flat_map(|reading| &reading.loaded.files);
        let mut paths: Vec<String> = files.map(|file| file.path.clone()).collect();
        paths.sort();
        paths.dedup();
        paths
    }

    /// The socket that the files name, if any names one.
    ///
    /// # Errors
    /// [`Unavailable`] if that hangs on the release.
    pub(crate) fn address(&self) -> Result<Option<(String, Location)>, Unavailable> {
        self.agreed(|reading| reading.loaded.address.clone())
    }

    /// The cgroup driver; none where the handlers leave it to whether systemd
    /// runs.
    ///
    /// # Errors
    /// [`Unavailable`] if containerd does not start with these files, or if
    /// the driver hangs on the release.
    pub(crate) fn cgroup_driver(&self) -> Result<Option<Sourced<String>>, Unavailable> {
        self.refusal()?;
        let drivers: Vec<_> = self
            .readings
            .iter()
            .map(
                |reading| match cri::answer(&reading.loaded, &reading.handlers) {
                    Answer::Handler(driver, at) => Some(Sourced::new(driver.to_owned(), at)),
                    Answer::Detected => None,
                },
            )
            .collect();
        let value = |driver: &Option<Sourced<String>>| driver.as_ref().map(|d| d.value.clone());
        let Some((last, rest)) = drivers.split_last() else {
            return Ok(None);
        };
        if rest.iter().all(|driver| value(driver) == value(last)) {
            return Ok(last.clone());
        }
        Err(self.undecided("its cgroup driver"))
    }

    /// The handlers, the default one first.
    ///
    /// # Errors
    /// As for [`Self::cgroup_driver`].
    pub(crate) fn handlers(&self) -> Result<Vec<Handler>, Unavailable> {
        self.refusal()?;
        self.agreed(|reading| {
            let handlers = reading.handlers.iter();
            handlers
                .map(|found| found.handler.clone())
                .collect::<Vec<_>>()
        })
    }

    /// What to set, and where, to make every handler of runc use systemd.
    ///
    /// # Errors
    /// As for [`Self::cgroup_driver`].
    pub(crate) fn systemd_driver_edits(&self) -> Result<Vec<Edit>, Unavailable> {
        // A new file as 1.x needs it is read by every release.
        let first = self.readings.first();
        if let Some(reading) = first.filter(|reading| reading.loaded.files.is_empty()) {
            return Ok(edits::systemd(
                &self.path,
                &reading.loaded,
                &reading.handlers,
            ));
        }
        self.agreed(|reading| edits::systemd(&self.path, &reading.loaded, &reading.handlers))
    }

    /// What is wrong with the files. Where the release is not known, only what
    /// is wrong for every release that could run here.
    ///
    /// # Errors
    /// [`Unavailable`] if it cannot be told which files exist.
    pub(crate) fn problems(&self, evidence: &Evidence) -> Result<Vec<Problem>, Unavailable> {
        let mut all = self.readings.iter().map(|reading| {
            problems::find(evidence, &self.path, &reading.loaded, &reading.handlers)
        });
        let mut common = match all.next() {
            Some(first) => first?,
            None => return Ok(Vec::new()),
        };
        for other in all {
            let other = other?;
            common.retain(|problem| {
                other
                    .iter()
                    .any(|same| (same.kind, &same.at) == (problem.kind, &problem.at))
            });
        }
        Ok(common)
    }

    /// Containerd that does not start has no driver.
    fn refusal(&self) -> Result<(), Unavailable> {
        match self.readings.last() {
            Some(reading) if reading.loaded.is_refused() => {
                let why = reading.loaded.problems.iter().find(|problem| problem.fatal);
                Err(Unavailable::new(
                    why.map_or(self.path.as_str(), |problem| problem.at.source.as_str()),
                    why.map_or("containerd does not start", |problem| {
                        problem.message.as_str()
                    }),
                ))
            }
            _ => Ok(()),
        }
    }

    fn agreed<T: PartialEq>(&self, of: impl Fn(&Reading) -> T) -> Result<T, Unavailable> {
        let mut answers = self.readings.iter().map(of);
        let first = answers.next().ok_or_else(|| self.undecided("this"))?;
        if answers.all(|answer| answer == first) {
            Ok(first)
        } else {
            Err(self.undecided("this"))
        }
    }

    fn undecided(&self, what: &str) -> Unavailable {
        let lines: Vec<&str> = self
            .readings
            .iter()
            .map(|r| r.loaded.release.line())
            .collect();
        Unavailable::new(
            "containerd --version",
            format!(
                "{what} hangs on the release of containerd ({} read {} differently); give it \
                 with --assume containerd=VERSION",
                lines.join(", "),
                self.path
            ),
        )
    }
}

impl Reading {
    fn of(loaded: Loaded) -> Self {
        let handlers = cri::handlers(&loaded);
        Self { loaded, handlers }
    }
}
