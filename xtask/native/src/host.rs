//! The host of a policy that runs without the sandbox.

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use nodepol_facts::Facts;

use crate::host_state::HostState;
use crate::limits::Limits;

thread_local! {
    static HOST: RefCell<Option<HostState>> = const { RefCell::new(None) };
    static CALLS: Cell<u64> = const { Cell::new(0) };
}

/// Lets `policy` see `facts`, with the state that one evaluation in the sandbox
/// has. Gives what it says, and how often it called the host.
pub(crate) fn serve<T>(facts: &Arc<Facts>, policy: impl FnOnce() -> T) -> (T, u64) {
    let state = HostState::new(Some(Arc::clone(facts)), Arc::default(), Limits::default());
    HOST.set(Some(state));
    CALLS.set(0);
    let said = policy();
    HOST.set(None);
    (said, CALLS.get())
}

/// A call of an import.
#[expect(
    clippy::panic,
    reason = "where the sandbox ends a policy with a trap; a standard one does not come here"
)]
pub(crate) fn call<T>(import: impl FnOnce(&mut HostState) -> wasmtime::Result<T>) -> T {
    CALLS.set(CALLS.get() + 1);
    HOST.with_borrow_mut(|host| match host {
        Some(host) => match import(host) {
            Ok(answer) => answer,
            Err(error) => panic!("the host ends the policy: {error:#}"),
        },
        None => panic!("a policy that is not evaluated reads facts"),
    })
}
