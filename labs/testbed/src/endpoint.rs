//! Where requests and loads go: a process, a proxy, or a path to one of them.

use std::net::SocketAddr;

/// Something that listens.
pub trait Endpoint {
    /// Where clients connect.
    fn addr(&self) -> SocketAddr;
}

impl Endpoint for SocketAddr {
    fn addr(&self) -> SocketAddr {
        *self
    }
}

impl<T: Endpoint + ?Sized> Endpoint for &T {
    fn addr(&self) -> SocketAddr {
        (**self).addr()
    }
}
