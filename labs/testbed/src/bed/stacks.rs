//! A whole stack on a bed, from a plan or from the submission's deploy files.

use super::Bed;
use crate::deploy::{Deploy, Layout};
use crate::stack::{Fault, Plan, Stack};

impl Bed {
    /// Starts a stack of the submission's instances, each with a stderr of its own in the report.
    ///
    /// # Errors
    /// As [`Stack::start`].
    pub async fn stack(&self, plan: &Plan) -> Result<Stack, Fault> {
        let names: Vec<&str> = plan.instances.iter().map(|instance| instance.name.as_str()).collect();
        let proxy = if plan.proxy.is_some() { " behind a proxy" } else { "" };
        self.says(format!("starting {}{proxy}", names.join(", ")));
        Stack::heard(plan, self.submission(), |instance| self.voices().of(instance)).await
    }

    /// Reads the submission's deploy files, and starts the stack that they describe.
    ///
    /// # Errors
    /// The files do not hold, which is the submission's fault; and as [`Stack::start`].
    pub async fn deployed(&self, layout: &Layout) -> Result<Stack, Fault> {
        self.stack(&self.planned(layout)?).await
    }

    /// The plan that the submission's deploy files describe, for whoever changes it before it starts.
    ///
    /// # Errors
    /// The files do not hold, which is the submission's fault.
    pub fn planned(&self, layout: &Layout) -> Result<Plan, Fault> {
        let mut plan = Deploy::read(self.submission().deploy_folder()?, layout)?.plan(layout)?;
        for instance in &mut plan.instances {
            instance.environment.entry("RUST_LOG".to_owned()).or_insert_with(|| "info".to_owned());
        }
        Ok(plan)
    }
}
