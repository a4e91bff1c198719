//! The stages of the story, as data.

use super::cause::Cause;

/// How many clients keep a connection each, once the service is known: more than a process has room for that may open few files.
const MANY: usize = 400;
/// How many files the proxy's process may have open where nobody says otherwise: a small stand-in for an engine's default. A template that
/// asks for more gets no more.
const FEW_FILES: (u64, u64) = (64, 64);
/// How many connections the proxy may have where its open files are what fails.
const ENOUGH: u32 = 1024;

/// One stage: a lab's program, deployed in some way.
#[derive(Debug)]
pub struct Stage {
    /// The number of the lab whose program runs.
    pub lab: &'static str,
    /// What it is called.
    pub title: &'static str,
    /// How it is deployed.
    pub deployed: Deployment,
    /// So many clients keep a connection each. 0: as few as the requests need.
    pub clients: usize,
    /// Whether page 1 is answered from memory.
    pub is_cached: bool,
    /// What fails first.
    pub fails: Option<Cause>,
    /// What mends what failed at the stage before.
    pub mends: &'static str,
}

/// How a stage is deployed.
#[derive(Clone, Copy, Debug)]
pub enum Deployment {
    /// One process, beside its database.
    One,
    /// One process that answers and one that stores, beside database and broker.
    Two,
    /// A stack behind a proxy.
    Stack {
        /// Whose deploy files.
        files: Files,
        /// How many connections the proxy may have; without it, as many as the files say.
        connections: Option<u32>,
        /// Soft and hard limit of the proxy's open files; without it, as the files say.
        nofile: Option<(u64, u64)>,
    },
}

/// Whose deploy files a stack has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Files {
    /// Those of the lab's own folder.
    Own,
    /// Those with which this lab begins.
    StartOf(&'static str),
}

impl Stage {
    /// Whose deploy files it has, where it is a stack.
    pub fn files(&self) -> Option<Files> {
        match self.deployed {
            Deployment::Stack { files, .. } => Some(files),
            Deployment::One | Deployment::Two => None,
        }
    }
}

/// The stages, in the order of the story. One whose lab the clone does not have is left out.
pub const STAGES: [Stage; 5] = [
    Stage {
        lab: "01",
        title: "direct write",
        deployed: Deployment::One,
        clients: 0,
        is_cached: false,
        fails: Some(Cause::Inserts),
        mends: "",
    },
    Stage {
        lab: "02",
        title: "message queue",
        deployed: Deployment::Two,
        clients: 0,
        is_cached: false,
        fails: Some(Cause::Reads),
        mends: "a post is answered when the broker has it, and the database works it off",
    },
    Stage {
        lab: "03",
        title: "first-page cache",
        deployed: Deployment::Stack {
            files: Files::StartOf("04"),
            connections: Some(promises::contract::WORKER_CONNECTIONS),
            nofile: None,
        },
        clients: 0,
        is_cached: true,
        fails: Some(Cause::Places),
        mends: "page 1 is answered from memory, and the table is read once a second",
    },
    Stage {
        lab: "04",
        title: "colocation",
        deployed: Deployment::Stack { files: Files::Own, connections: Some(ENOUGH), nofile: Some(FEW_FILES) },
        clients: MANY,
        is_cached: true,
        fails: Some(Cause::Descriptors),
        mends: "proxy, instances and broker are neighbours, and a request holds its places for milliseconds",
    },
    Stage {
        lab: "05",
        title: "open files",
        deployed: Deployment::Stack { files: Files::Own, connections: None, nofile: None },
        clients: MANY,
        is_cached: true,
        fails: None,
        mends: "the limits of the proxy are set, and have room for all clients and their requests",
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_stage_but_the_last_fails_for_a_reason_of_its_own() {
        let (last, before) = STAGES.split_last().unwrap();
        assert_eq!(last.fails, None);
        for (place, stage) in before.iter().enumerate() {
            assert!(stage.fails.is_some(), "{}", stage.title);
            assert!(before[..place].iter().all(|earlier| earlier.fails != stage.fails), "{}", stage.title);
        }
    }
}
