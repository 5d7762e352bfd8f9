//! Real systems that a test starts, asks and throws away.
//!
//! ```no_run
//! use nodepol_tests::bed::{boot::Booted, layer::Layer};
//!
//! # fn main() -> std::io::Result<()> {
//! let layer = Layer::new()?;
//! layer.file("/etc/systemd/system/x.service", "[Service]\nExecStart=/bin/true\n")?;
//! let Some(bed) = Booted::start_or_skip(layer.path()) else { return Ok(()) };
//! bed.settle()?;
//! bed.run(&["systemctl", "start", "x.service"])?;
//! let address = bed.bus_address(); // for a D-Bus client out here
//! let root = bed.root(); // its files, as it sees them
//! # Ok(())
//! # }
//! ```

pub mod boot;
pub mod layer;
