//! The steps of the tour, second by second: each is ticked off when the log, the kernel or the clients show it.

use std::time::Duration;

use testbed::answer::shorten;
use testbed::crowd::{Crowd, Look, Staying};
use testbed::descriptors;
use testbed::services::{Contained as _, Nginx};
use testbed::setup::SetUp;
use testbed::stack::Stack;
use testbed::verdict::Stop;
use tokio::time::{Interval, MissedTickBehavior, interval};

use super::super::{asked, ticked};
use super::screen::Screen;
use super::worker::{Means, Worker};
use super::{HARD, SOFT};

/// More than the soft limit has room for, and few beside what a machine carries.
const CLIENTS: usize = 150;
/// What nginx says when its descriptors run out.
const ERROR: &str = "Too many open files";
/// Who waits longer than this is stalled: an answer takes some milliseconds.
const STALLED: Duration = Duration::from_secs(1);
/// How many seconds in a row without an error are their end.
const CALM: usize = 3;

/// One second of the tour.
struct Second {
    look: Look,
    worker: Worker,
    soft: u64,
}

struct Tour<'a> {
    proxy: &'a Nginx,
    container: &'a str,
    crowd: Staying,
    screen: Screen,
    seconds: Interval,
}

/// Sends the clients, and goes from step to step.
///
/// # Errors
/// The worker cannot be seen from here, or does not have the tour's limit.
pub(super) async fn take(stack: &Stack) -> Result<(), Stop> {
    let proxy = stack.proxy()?;
    let mut seconds = interval(Duration::from_secs(1));
    seconds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let crowd = Crowd::of(CLIENTS, stack.entry()?, "/posts").stay();
    let container = proxy.container().short_id();
    let mut tour = Tour { proxy, container, crowd, screen: Screen::detect(), seconds };
    let worker = tour.first_worker().await?;
    tour.introduces(&worker);
    tour.error_is_logged().await?;
    let raised = tour.limit_is_raised(worker).await?;
    let calm = tour.errors_end(raised).await?;
    tour.reload_undoes_it(&calm).await?;
    Ok(())
}

impl Tour<'_> {
    /// The worker as the stack started it.
    async fn first_worker(&self) -> Result<Worker, Stop> {
        let pids = self.proxy.workers().await?;
        let worker = pids.iter().find_map(|pid| Worker::of(*pid)).ok_or_else(|| {
            let cause = format!("the engine says {pids:?}, and /proc has no such worker");
            let mend = "take the tour where the engine runs, and outside of containers";
            SetUp::new("find nginx's worker on this machine", cause, mend)
        })?;
        let (soft, hard) = descriptors::limits(worker.pid)?;
        if (soft, hard) != (SOFT, HARD) {
            let why = format!(
                "nginx's worker has soft {soft} and hard {hard}, and not the tour's {SOFT} and {HARD}"
            );
            return Err(Stop::Inconclusive(why));
        }
        Ok(worker)
    }

    fn introduces(&self, worker: &Worker) {
        let says = |line: &str| self.screen.says(line);
        says(&format!("  container  {}", self.container));
        says(&format!("  worker     pid {}, and {} inside the container", worker.pid, worker.inside));
        says(&format!(
            "  clients    {CLIENTS}, each on a connection that it keeps, each asks once in two seconds\n"
        ));
        says(
            "Work in another terminal; each step is ticked off here when it is seen. Ctrl-C ends the tour.\n",
        );
    }

    async fn error_is_logged(&mut self) -> Result<(), SetUp> {
        self.asks(
            1,
            "Clients wait, or fail. What does nginx say? Its errors are on stderr, its accesses on stdout:",
        );
        self.command(&format!("docker logs {} 2>&1 >/dev/null | tail", self.container));
        loop {
            self.second().await?;
            let log = self.proxy.logs().await?.stderr;
            if let Some(line) = log.lines().find(|line| line.contains(ERROR)) {
                let line = line.find('[').map_or(line, |begin| &line[begin..]);
                self.ticks(1, &shorten(line, 100));
                return Ok(());
            }
        }
    }

    /// Until the limit of the worker is higher: the worker as it is then.
    async fn limit_is_raised(&mut self, mut worker: Worker) -> Result<Worker, SetUp> {
        self.screen.says("  look Which process is it, what may it have, and what may the machine?");
        self.command("ps -eo pid,user,args | grep '[n]ginx: worker'");
        self.command(&format!("cat /proc/{}/limits", worker.pid));
        self.command(&format!(
            "ls /proc/{}/fd | wc -l      (root's and the worker's own to see)",
            worker.pid
        ));
        self.command("cat /proc/sys/fs/file-max\n");
        self.asks(2, "Raise its soft limit while it runs, up to the hard one:");
        self.raising(&worker);
        loop {
            let now = self.second().await?;
            if now.worker != worker {
                self.another(&now, &worker);
                self.raising(&now.worker);
            }
            worker = now.worker;
            if now.soft > SOFT {
                self.ticks(2, &format!("pid {} may have {} files open", worker.pid, now.soft));
                return Ok(worker);
            }
        }
    }

    /// Until all are served for some seconds by a worker that was raised: that worker.
    async fn errors_end(&mut self, mut worker: Worker) -> Result<Worker, SetUp> {
        self.asks(3, "Do the errors end? It is the same process, and it keeps the connections that it has.");
        let mut calm = 0;
        loop {
            let now = self.second().await?;
            if now.worker != worker {
                self.another(&now, &worker);
                self.raising(&now.worker);
            }
            let is_calm = now.worker == worker && now.soft > SOFT && now.all_served();
            calm = if is_calm { calm + 1 } else { 0 };
            worker = now.worker;
            if calm == CALM {
                let pid = worker.pid;
                self.ticks(
                    3,
                    &format!(
                        "{CALM} seconds, and every request of {CLIENTS} clients was served; still pid {pid}"
                    ),
                );
                return Ok(worker);
            }
        }
    }

    /// Until another worker has the old limit, and the errors with it.
    async fn reload_undoes_it(&mut self, raised: &Worker) -> Result<(), SetUp> {
        self.asks(4, "Does it last? Have nginx read its configuration again:");
        self.command(&format!("docker exec {} nginx -s reload", self.container));
        loop {
            let now = self.second().await?;
            if now.worker != *raised && now.soft <= SOFT && !now.all_served() {
                let pid = now.worker.pid;
                self.ticks(
                    4,
                    &format!("pid {pid} is a new worker with the old limit, {SOFT}; the errors are back"),
                );
                return Ok(());
            }
        }
    }

    /// Waits for the next second in which there is a worker, and shows it.
    async fn second(&mut self) -> Result<Second, SetUp> {
        loop {
            self.seconds.tick().await;
            // Between two workers there may be none, and one that was listed may have ended.
            let Some(worker) = self.proxy.workers().await?.into_iter().rev().find_map(Worker::of) else {
                continue;
            };
            let Ok((soft, hard)) = descriptors::limits(worker.pid) else { continue };
            let open = descriptors::of(worker.pid).map_or("?".to_owned(), |open| open.all.to_string());
            let second = Second { look: self.crowd.look(), worker, soft };
            self.screen.shows(&format!(
                " served {:>3} · 5xx {:>3} · stalled {:>3} · pid {} open {open} soft {soft} hard {hard}",
                second.look.answered(200),
                second.errors(),
                second.stalled(),
                second.worker.pid,
            ));
            return Ok(second);
        }
    }

    fn another(&self, now: &Second, before: &Worker) {
        let (pid, old) = (now.worker.pid, before.pid);
        self.screen
            .says(&format!("       another worker takes clients now, pid {pid}, with soft {}:", now.soft));
        // Its title says so, where it has heard that it is to end.
        if Worker::of(old).as_ref() == Some(before) && !before.is_shutting_down() {
            self.screen
                .says(&format!("       (pid {old} is there still, and has not heard that it is to end)"));
        }
    }

    fn raising(&self, worker: &Worker) {
        let Means { command, why } = worker.means(self.container);
        self.command(&command);
        self.screen.says(&format!("       ({why})"));
    }

    fn asks(&self, step: usize, what: &str) {
        self.screen.says(&asked(step, what));
    }

    fn ticks(&self, step: usize, what: &str) {
        self.screen.says(&ticked(step, what));
    }

    fn command(&self, command: &str) {
        self.screen.says(&format!("       $ {command}"));
    }
}

impl Second {
    /// Answered, and not with 200.
    fn errors(&self) -> usize {
        self.look.ended.iter().filter(|asked| asked.said.is_ok_and(|status| status != 200)).count()
    }

    /// Not answered: not for a while yet, or not at all.
    fn stalled(&self) -> usize {
        let gave_up = self.look.ended.iter().filter(|asked| asked.said.is_err()).count();
        gave_up + self.look.waiting_longer_than(STALLED)
    }

    fn all_served(&self) -> bool {
        self.look.answered(200) > 0 && self.errors() == 0 && self.stalled() == 0
    }
}
