//! Control groups: the mode now and after a boot, controllers, groups.

mod mode;

pub use mode::Mode;
