//! What goes on inside a container: programs that are run in it, what it says, which processes it has.

use futures_util::StreamExt as _;
use testcontainers::bollard::container::LogOutput;
use testcontainers::bollard::exec::{CreateExecOptions, StartExecOptions, StartExecResults};
use testcontainers::bollard::query_parameters::LogsOptionsBuilder;

use super::Container;
use crate::setup::SetUp;

/// What a container's first process has said since the container was made.
#[derive(Clone, Debug, Default)]
pub struct Said {
    /// On stdout.
    pub stdout: String,
    /// On stderr.
    pub stderr: String,
}

/// How a program ended that was run in a container, and all that it said.
#[derive(Clone, Debug)]
pub struct Spoken {
    /// Its exit code, where the engine knows it.
    pub code: Option<i64>,
    /// Stdout and stderr, as they came.
    pub said: String,
}

impl Container {
    /// Runs a program inside the container: what it wrote.
    ///
    /// # Errors
    /// It cannot be run, or ends with another code than 0.
    pub async fn exec(&self, program: &[&str]) -> Result<String, SetUp> {
        match self.run(program).await? {
            Spoken { code: Some(0), said } => Ok(said),
            Spoken { code, said } => {
                let cause = format!("it ended with {code:?}: {}", said.trim_end());
                Err(SetUp::from_cause(self.running(program), cause))
            }
        }
    }

    /// Runs a program inside the container to its end, whatever that is.
    ///
    /// # Errors
    /// It cannot be run.
    pub async fn run(&self, program: &[&str]) -> Result<Spoken, SetUp> {
        let fault = |error| SetUp::from_cause(self.running(program), error);
        let options = CreateExecOptions {
            cmd: Some(program.to_vec()),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            ..Default::default()
        };
        let exec = self.engine.create_exec(&self.id, options).await.map_err(fault)?.id;
        let started = self.engine.start_exec(&exec, None::<StartExecOptions>).await.map_err(fault)?;
        let mut said = String::new();
        if let StartExecResults::Attached { mut output, .. } = started {
            while let Some(part) = output.next().await {
                said.push_str(&part.map_err(fault)?.to_string());
            }
        }
        let code = self.engine.inspect_exec(&exec).await.map_err(fault)?.exit_code;
        Ok(Spoken { code, said })
    }

    /// All that the container's first process has said.
    pub async fn said(&self) -> Result<Said, SetUp> {
        let options = LogsOptionsBuilder::default().stdout(true).stderr(true).build();
        let mut parts = self.engine.logs(&self.id, Some(options));
        let mut said = Said::default();
        while let Some(part) = parts.next().await {
            let part = part.map_err(|error| {
                SetUp::from_cause(format!("read the log of {}", self.service.name()), error)
            })?;
            match &part {
                LogOutput::StdErr { .. } => said.stderr.push_str(&part.to_string()),
                _ => said.stdout.push_str(&part.to_string()),
            }
        }
        Ok(said)
    }

    /// The last lines that the service logged, for a set-up fault to quote.
    pub async fn last_words(&self) -> String {
        let options = LogsOptionsBuilder::default().stdout(true).stderr(true).tail("8").build();
        let lines = self.engine.logs(&self.id, Some(options)).take(16);
        let lines: Vec<String> =
            lines.filter_map(async |line| line.ok().map(|line| line.to_string())).collect().await;
        lines.concat().trim_end().to_owned()
    }

    /// The container's processes: the pid of each on this machine (or the engine's), and its command line.
    pub async fn processes(&self) -> Result<Vec<(u32, String)>, SetUp> {
        let fault =
            |error| SetUp::from_cause(format!("list the processes of {}", self.service.name()), error);
        let top = self.engine.top_processes(&self.id, None).await.map_err(fault)?;
        let titles = top.titles.unwrap_or_default();
        let column = |name| titles.iter().position(|title| title == name);
        let (Some(pid), Some(command)) = (column("PID"), column("CMD")) else { return Ok(Vec::new()) };
        let rows = top.processes.unwrap_or_default().into_iter();
        Ok(rows.filter_map(|row| Some((row.get(pid)?.parse().ok()?, row.get(command)?.clone()))).collect())
    }

    fn running(&self, program: &[&str]) -> String {
        format!("run `{}` in the container of {}", program.join(" "), self.service.name())
    }
}
