//! Why a stack did not start.

use crate::fact::Fact;
use crate::services::{self, Refused};
use crate::setup::SetUp;
use crate::submission::DeployFault;
use crate::verdict::{Stop, promise};

/// Why a stack did not start.
#[derive(Clone, Debug)]
pub enum Fault {
    /// A deploy file does not hold, or is not there. The submission is at fault, and nothing else.
    Deploy(DeployFault),
    /// Whatever else ends a check.
    Stop(Stop),
}

impl From<Stop> for Fault {
    fn from(stop: Stop) -> Fault {
        Fault::Stop(stop)
    }
}

impl From<DeployFault> for Fault {
    fn from(fault: DeployFault) -> Fault {
        Fault::Deploy(fault)
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
            Refused::Template(line) => DeployFault::of(services::TEMPLATE, line).into(),
            Refused::SetUp(fault) => fault.into(),
        }
    }
}

impl From<Fault> for Stop {
    /// For whoever does not judge the deploy files themselves: they had to hold.
    fn from(fault: Fault) -> Stop {
        match fault {
            Fault::Deploy(fault) => {
                let next = format!("mend {}", fault.place());
                promise("the stack starts from the submission's deploy files")
                    .observed(Fact::named(fault.place(), &fault.says))
                    .likely(true, "this file does not hold, so nothing was started", next)
                    .is_broken()
            }
            Fault::Stop(stop) => stop,
        }
    }
}
