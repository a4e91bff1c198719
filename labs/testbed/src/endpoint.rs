//! Whatever can be asked over HTTP: a process, a proxy in front of it, a path to either.

use std::net::SocketAddr;

use reqwest::Method;

use crate::answer::Ask;

/// Something that listens for HTTP/1.1. Requests, loads and idle clients go to one, whatever stands behind it.
pub trait Endpoint {
    /// Where it listens.
    fn addr(&self) -> SocketAddr;

    /// `GET path`. The path carries its query, percent-encoded.
    fn get(&self, path: &str) -> Ask {
        self.ask(Method::GET, path)
    }

    /// A request with any method and no body.
    fn ask(&self, method: Method, path: &str) -> Ask {
        Ask::to(self.addr(), method, path)
    }
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
