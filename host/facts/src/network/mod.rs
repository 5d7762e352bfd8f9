//! The network of the node, as the kernel's texts show it: addresses, default
//! route, listening sockets; and the addresses that its configuration names.
//!
//! Source: proc_pid_net(5), proc_pid_fd(5);
//! `net/ipv4/fib_trie.c`, `net/ipv6/addrconf.c`, `net/ipv4/tcp_ipv4.c` in Linux.

mod addresses;
mod cni;
mod configured;
mod routes;
mod sockets;

use std::sync::Arc;

use nodepol_model::snapshot::FileNode;
use nodepol_model::{Part, Unavailable};

pub use sockets::Listener;

use crate::evidence::Evidence;
use crate::sourced::Sourced;

/// Facts about the network.
#[derive(Debug)]
pub struct Network {
    evidence: Arc<Evidence>,
}

impl Network {
    /// The network in `evidence`.
    pub fn new(evidence: Arc<Evidence>) -> Self {
        Self { evidence }
    }

    /// The addresses of the node's interfaces, those of `lo` among them, in the
    /// order of the kernel's tables, IPv4 first.
    ///
    /// # Errors
    /// [`Unavailable`] if the kernel's table of IPv4 could not be read; a kernel
    /// without IPv6 has no other.
    pub fn addresses(&self) -> Result<Vec<Sourced<String>>, Unavailable> {
        let path = "/proc/net/fib_trie";
        let mut found = addresses::v4(path, self.kernel_text(path)?);
        let path = "/proc/net/if_inet6";
        if let Some(text) = self.evidence.text(path).known(path)? {
            found.extend(addresses::v6(path, text));
        }
        Ok(found)
    }

    /// The default route, as the name of its interface; none if there is none.
    ///
    /// # Errors
    /// [`Unavailable`] if the kernel's table of IPv4 could not be read.
    pub fn default_route(&self) -> Result<Option<Sourced<String>>, Unavailable> {
        let path = "/proc/net/route";
        if let Some(route) = routes::v4(path, self.kernel_text(path)?) {
            return Ok(Some(route));
        }
        let path = "/proc/net/ipv6_route";
        let text = self.evidence.text(path).known(path)?.copied();
        Ok(text.and_then(|text| routes::v6(path, text)))
    }

    /// The TCP sockets that listen, by port, then by address.
    ///
    /// # Errors
    /// [`Unavailable`] if the kernel's table of IPv4 could not be read.
    pub fn listening(&self) -> Result<Vec<Listener>, Unavailable> {
        let path = "/proc/net/tcp";
        let mut found = sockets::listening(path, self.kernel_text(path)?);
        let path = "/proc/net/tcp6";
        if let Some(text) = self.evidence.text(path).known(path)? {
            found.extend(sockets::listening(path, text));
        }
        found.sort_by(|a, b| (a.port, &a.address).cmp(&(b.port, &b.address)));
        Ok(found)
    }

    /// Those of them that a process holds, by its file descriptors.
    ///
    /// # Errors
    /// [`Unavailable`] if its descriptors could not be looked at: only root may.
    pub fn listeners_of(&self, pid: u32) -> Result<Vec<Listener>, Unavailable> {
        let directory = format!("/proc/{pid}/fd");
        let names = match self.evidence.names(&directory) {
            Part::Present(names) => names,
            Part::Absent => return Err(Unavailable::new(directory, "the process is gone")),
            Part::Unreadable(why) => return Err(Unavailable::new(directory, why)),
        };
        let mut inodes = Vec::new();
        let mut unavailable = None;
        for name in names {
            let path = format!("{directory}/{name}");
            match self.evidence.lstat(&path) {
                Part::Present(file) => {
                    if let FileNode::Symlink(target) = &file.node
                        && let Some(inode) = target
                            .strip_prefix("socket:[")
                            .and_then(|rest| rest.strip_suffix(']'))
                    {
                        inodes.push(inode.to_owned());
                    }
                }
                // It was closed in the meantime.
                Part::Absent => {}
                Part::Unreadable(why) => {
                    unavailable.get_or_insert(Unavailable::new(path, why));
                }
            }
        }
        if let Some(unavailable) = unavailable {
            return Err(unavailable);
        }
        let mut found = self.listening()?;
        found.retain(|listener| inodes.contains(&listener.inode));
        Ok(found)
    }

    /// Every address that stands in the files that configure interfaces: those
    /// of netplan, systemd-networkd, ifupdown, NetworkManager and wicked.
    /// Comments are left out. What DHCP gives is in no file.
    ///
    /// # Errors
    /// [`Unavailable`] if one of these files could not be read.
    pub fn configured_addresses(&self) -> Result<Vec<Sourced<String>>, Unavailable> {
        configured::addresses(&self.evidence)
    }

    /// The types of the CNI plugins that the runtime uses for pods, in order;
    /// empty before a network is installed.
    ///
    /// # Errors
    /// [`Unavailable`] if /etc/cni/net.d or the first file in it could not be
    /// read.
    pub fn cni_plugins(&self) -> Result<Vec<Sourced<String>>, Unavailable> {
        cni::plugins(&self.evidence)
    }

    /// A text of the running kernel.
    fn kernel_text(&self, path: &str) -> Result<&str, Unavailable> {
        match self.evidence.text(path) {
            Part::Present(text) => Ok(text),
            Part::Absent => Err(Unavailable::new(path, "no kernel says it here")),
            Part::Unreadable(why) => Err(Unavailable::new(path, why)),
        }
    }
}
