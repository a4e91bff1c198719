//! Why a stack did not start.

use crate::fact::Fact;
use crate::services::Refused;
use crate::setup::SetUp;
use crate::verdict::{Stop, promise};

/// Why a stack did not start.
#[derive(Clone, Debug)]
pub enum Fault {
    /// The proxy's template does not hold, or is not there: nginx's own line. The submission is at fault, and nothing else.
    Template(String),
    /// Whatever else ends a check.
    Stop(Stop),
}

impl From<Stop> for Fault {
    fn from(stop: Stop) -> Fault {
        Fault::Stop(stop)
    }
}

impl From<SetUp> for Fault {
    fn from(fault: SetUp) -> Fault {
        Fault::Stop(fault.into())
    }
}

impl From<Refused> for Fault {
    fn from(refused: Refused) -> Fault {
        match refused {
            Refused::Template(line) => Fault::Template(line),
            Refused::SetUp(fault) => fault.into(),
        }
    }
}

impl From<Fault> for Stop {
    /// For whoever does not judge the template itself: it had to hold.
    fn from(fault: Fault) -> Stop {
        match fault {
            Fault::Template(line) => promise("nginx starts from the submission's nginx.conf.template")
                .observed(Fact::named("nginx says", line))
                .is_broken(),
            Fault::Stop(stop) => stop,
        }
    }
}
