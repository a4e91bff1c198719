//! The folder of a subject's report: what is known of each check, however few of them a run was about.

use std::fs;
use std::path::{Path, PathBuf};

use super::{Report, html};
use crate::setup::SetUp;

/// The report as data.
pub const JSON: &str = "report.json";
/// The same as a page.
pub const PAGE: &str = "report.html";

impl Report {
    /// Joins this run with what the folder knows of the same subject, writes both forms, and returns the page's path.
    ///
    /// A check that this run was not about keeps its last verdict. What is there of another subject, or cannot be read, goes.
    pub fn keep_in(&self, folder: &Path) -> Result<PathBuf, SetUp> {
        let fault = |error: std::io::Error| {
            SetUp::from_cause(format!("write the report to `{}`", folder.display()), error)
        };
        let whole = match Report::read(&folder.join(JSON)) {
            Ok(earlier) => self.after(earlier),
            Err(_) => self.clone(),
        };
        fs::create_dir_all(folder).map_err(fault)?;
        let json = serde_json::to_vec_pretty(&whole).map_err(|error| fault(error.into()))?;
        fs::write(folder.join(JSON), json).map_err(fault)?;
        let page = folder.join(PAGE);
        fs::write(&page, html::page(&whole)).map_err(fault)?;
        Ok(page)
    }

    /// This run, and what an `earlier` one says of checks that it was not about.
    fn after(&self, earlier: Report) -> Report {
        let mut whole = self.clone();
        if (&earlier.lab, &earlier.subject) != (&self.lab, &self.subject) {
            return whole;
        }
        let is_new = |name: &str| self.checks.iter().any(|check| check.name == name);
        whole.checks.extend(earlier.checks.into_iter().filter(|check| !is_new(&check.name)));
        let place = |name: &str| self.listed.iter().position(|listed| listed.name == name);
        // A check that the lab has no more is told no more.
        whole.checks.retain(|check| place(&check.name).is_some());
        whole.checks.sort_by_key(|check| place(&check.name));
        whole
    }

    /// Reads a report.
    pub fn read(path: &Path) -> Result<Self, SetUp> {
        let fault = |cause: String| {
            let mend = "run the check again: it writes a new report";
            SetUp::new(format!("read the report `{}`", path.display()), cause, mend)
        };
        // Whatever else bears the name, a device, say, may never end.
        if !path.is_file() {
            return Err(fault("there is no such file".to_owned()));
        }
        let json = fs::read(path).map_err(|error| fault(error.to_string()))?;
        serde_json::from_slice(&json).map_err(|error| fault(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::html::sample;
    use crate::report::{Company, Listed, Word};

    fn of(names: &[&str], word: Word) -> Report {
        let mut report = sample::report();
        let check = report.checks[0].clone();
        let named = |name: &&str| {
            let mut check = check.clone();
            (check.name, check.verdict) = ((*name).to_owned(), word);
            check
        };
        report.checks = names.iter().map(named).collect();
        let listed = |name: &str| Listed {
            name: name.into(),
            title: String::new(),
            read: check.read.clone(),
            company: Company::Any,
        };
        report.listed = ["first", "second", "third"].map(listed).into();
        report
    }

    #[test]
    fn a_run_of_one_check_forgets_nothing_of_the_others() {
        let folder = std::env::temp_dir().join(format!("store-{}", std::process::id()));
        of(&["first", "second"], Word::Kept).keep_in(&folder).unwrap();
        of(&["second", "third"], Word::Broken).keep_in(&folder).unwrap();
        let known = Report::read(&folder.join(JSON)).unwrap();
        let known: Vec<_> = known.checks.iter().map(|check| (check.name.as_str(), check.verdict)).collect();
        let expected = [("first", Word::Kept), ("second", Word::Broken), ("third", Word::Broken)];
        assert_eq!(known, expected);

        let mut other = of(&["third"], Word::Kept);
        other.subject = "another".into();
        other.keep_in(&folder).unwrap();
        assert_eq!(Report::read(&folder.join(JSON)).unwrap().checks.len(), 1, "of another subject");
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_full_disk_is_a_fault_of_the_set_up_with_its_mend() {
        use std::os::unix::fs::symlink;
        let folder = std::env::temp_dir().join(format!("store-full-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        // Whatever is written to /dev/full finds no space left.
        symlink("/dev/full", folder.join(JSON)).unwrap();
        let fault = of(&["first"], Word::Kept).keep_in(&folder).unwrap_err();
        assert!(fault.what.starts_with("write the report") && fault.mend.contains("disk space"), "{fault}");
        fs::remove_dir_all(folder).unwrap();
    }
}
