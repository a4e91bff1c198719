//! RabbitMQ: one broker a run, a fresh virtual host for each check.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use super::management::Management;
use super::virtual_host::VirtualHost;
use super::{Contained, Container, Shape};
use crate::setup::SetUp;
use crate::wait;

pub(super) const USER: &str = "workbook";
pub(super) const PASSWORD: &str = "workbook";

/// How much of the host's memory a broker may take before it raises its alarm: RabbitMQ's own default.
const USUAL_WATERMARK: &str = "0.6";
/// So little that every broker is above it.
const ALARMING_WATERMARK: &str = "0.00001";

/// Queues by which a broker shows, before and after a check, that it can keep one. A declaration of one that exists would show nothing.
const TRIAL_BEFORE: &str = "testbed.before";
const TRIAL_AFTER: &str = "testbed.after";

/// The broker counts its messages every five seconds unless told otherwise, and tries a dead letter that found no room again after
/// three minutes; a check would wait for that.
const IMPATIENT: &str = "-rabbit collect_statistics_interval 250 -rabbit quorum_tick_interval 250 \
     -rabbit dead_letter_worker_publisher_confirm_timeout 2000";

/// No count of a queue's messages is older than this: the broker makes four a second, and may be late.
pub const COUNTED_WITHIN: Duration = Duration::from_millis(750);

/// A RabbitMQ broker in a container, with its management API.
pub struct RabbitMq {
    container: Container,
    management: Management,
    hosts: AtomicUsize,
    /// Since a virtual host was last dropped.
    killed: AtomicBool,
}

impl RabbitMq {
    /// The broker in a container that was just started.
    pub(super) async fn of(container: Container) -> Result<RabbitMq, SetUp> {
        let management = Management::at(container.addrs().get(1).copied().unwrap_or(container.addr()))?;
        let broker =
            RabbitMq { container, management, hosts: AtomicUsize::new(0), killed: AtomicBool::new(false) };
        broker.ready().await?;
        Ok(broker)
    }

    /// A new, empty virtual host that no other check has seen, of a broker that can keep queues in it.
    ///
    /// A broker can lose the part that hands on dead letters, for good, while all else answers (seen with 4.0.5). Then a queue that
    /// needs it cannot be declared, until the broker is started again.
    pub async fn fresh_host(&self) -> Result<VirtualHost, SetUp> {
        let number = self.hosts.fetch_add(1, Ordering::Relaxed);
        let name = format!("check_{}_{number}", std::process::id());
        self.management.make_host(&name, USER).await?;
        if self.management.declare_queue(&name, TRIAL_BEFORE).await.is_err() {
            self.kill().await?;
            self.start_again().await?;
            self.management.declare_queue(&name, TRIAL_BEFORE).await?;
        }
        Ok(VirtualHost::new(name, self.container.addr(), self.management.clone()))
    }

    /// The virtual host `/`, which a management page shows first.
    pub fn first_host(&self) -> VirtualHost {
        VirtualHost::new("%2F".to_owned(), self.container.addr(), self.management.clone())
    }

    pub(super) fn management(&self) -> &Management {
        &self.management
    }

    /// The address of the management page, for a browser.
    pub fn page(&self) -> String {
        self.management.page()
    }

    /// User and password, for the page as well as for a service.
    pub fn login(&self) -> (&'static str, &'static str) {
        (USER, PASSWORD)
    }

    /// Whether the broker can still keep queues, at the end of a check; else what it says.
    pub(crate) async fn still_keeps_queues(&self, host: &VirtualHost) -> Result<(), SetUp> {
        self.management.declare_queue(host.name(), TRIAL_AFTER).await
    }

    /// Drops a check's virtual host, and with it its queues and every connection to it.
    ///
    /// After a kill it stays until the container goes. To delete a queue that has just come back can cost a broker the part that hands
    /// on dead letters: whoever does it for that queue begins again and again on one that is not there, and is given up with all others.
    pub async fn drop_host(&self, host: VirtualHost) -> Result<(), SetUp> {
        match self.killed.swap(false, Ordering::Relaxed) {
            true => Ok(()),
            false => self.management.drop_host(host.name()).await,
        }
    }

    /// Makes the broker find itself out of memory: from then on it reads nothing more from connections that publish.
    pub async fn raise_memory_alarm(&self) -> Result<(), SetUp> {
        self.watermark(ALARMING_WATERMARK, true).await
    }

    /// Ends the alarm.
    pub async fn end_memory_alarm(&self) -> Result<(), SetUp> {
        self.watermark(USUAL_WATERMARK, false).await
    }

    async fn watermark(&self, watermark: &str, alarm: bool) -> Result<(), SetUp> {
        self.container.exec(&["rabbitmqctl", "set_vm_memory_high_watermark", watermark]).await?;
        let mut last = String::from("it did not follow");
        let changed =
            wait::until(Duration::from_secs(20), async || match self.management.has_alarm().await {
                Ok(seen) => (seen == alarm).then_some(()),
                Err(fault) => {
                    last = fault.cause;
                    None
                }
            });
        changed.await.ok_or_else(|| SetUp::from_cause("change the broker's memory alarm", last))
    }

    pub(super) async fn stop(self) -> Result<(), SetUp> {
        self.container.remove().await
    }
}

impl Contained for RabbitMq {
    fn container(&self) -> &Container {
        &self.container
    }

    async fn ask(&self) -> Result<(), SetUp> {
        self.management.is_serving().await
    }

    async fn kill(&self) -> Result<(), SetUp> {
        self.killed.store(true, Ordering::Relaxed);
        self.container.kill().await
    }

    /// As for any service; and an alarm ends.
    async fn heal(&self) -> Result<(), SetUp> {
        self.container.revive().await?;
        self.ready().await?;
        match self.management.has_alarm().await? {
            true => self.end_memory_alarm().await,
            false => Ok(()),
        }
    }
}

/// What every broker of ours is: its ports for AMQP and for the management API, its user, its counting.
pub(super) fn shape() -> Shape {
    let environment = [
        ("RABBITMQ_DEFAULT_USER", USER),
        ("RABBITMQ_DEFAULT_PASS", PASSWORD),
        // No file with settings: to translate one takes a broker a second of each start.
        ("RABBITMQ_CONFIG_FILES", "/none"),
        ("RABBITMQ_LOGS", "-"),
        ("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS", IMPATIENT),
    ];
    let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    Shape { ports: vec![5672, 15672], environment, ..Shape::default() }
}
