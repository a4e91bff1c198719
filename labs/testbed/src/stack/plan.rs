//! What a stack is made of, and how far it is from each other. All of it is data.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use super::{CLIENTS, PROXY, REPORT};
use crate::services::Demands;
use crate::setup::SetUp;
use crate::subject::Patience;

/// Which instances there are, what stands in front, what they reach, and the round trip between each pair of zones.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// The instances; each is a process of its own.
    pub instances: Vec<Instance>,
    /// What stands in front.
    pub proxy: Option<Proxy>,
    /// What instances reach beside: a database, a broker.
    pub servers: Vec<Server>,
    /// Where those are who ask.
    pub clients: String,
    /// How far the zones are from each other.
    pub zones: Zones,
    /// How long each instance is waited for.
    pub patience: Patience,
}

/// One process of the submission.
#[derive(Clone, Debug, Default)]
pub struct Instance {
    /// Its name, as `api-1`.
    pub name: String,
    /// Its zone.
    pub zone: String,
    /// Its settings. In a value `${NAME}` becomes the address of the path to the server, the instance or the [proxy](PROXY) `NAME`;
    /// `BIND_ADDR` is set by the test-bed.
    pub environment: BTreeMap<String, String>,
    /// Soft and hard limit of open descriptors.
    pub nofile: Option<(u64, u64)>,
}

/// nginx, from the template in the submission's deploy folder.
#[derive(Clone, Debug, Default)]
pub struct Proxy {
    /// Its zone.
    pub zone: String,
    /// What fills the template. In a value `${NAME}` becomes the address of the path to the instance or the server `NAME`. `LISTEN` is
    /// set by the test-bed.
    pub environment: BTreeMap<String, String>,
    /// Soft and hard limit of open descriptors.
    pub nofile: Option<(u64, u64)>,
    /// What the filled template must say.
    pub demands: Demands,
}

/// Something that is there already, and that instances reach over a path.
#[derive(Clone, Debug)]
pub struct Server {
    /// The name by which an environment's values mean it.
    pub name: String,
    /// Its zone.
    pub zone: String,
    /// Where it listens.
    pub addr: SocketAddr,
}

/// The round trip inside a zone and between each pair of them. By default there is one place, and no way costs anything.
#[derive(Clone, Debug, Default)]
pub struct Zones {
    inside: Duration,
    between: BTreeMap<(String, String), Duration>,
}

impl Zones {
    /// Zones with this round trip inside each.
    pub fn inside(round_trip: Duration) -> Zones {
        Zones { inside: round_trip, between: BTreeMap::new() }
    }

    /// Sets the round trip between two zones, either way.
    #[must_use]
    pub fn between(mut self, one: &str, other: &str, round_trip: Duration) -> Zones {
        self.between.insert(pair(one, other), round_trip);
        self
    }

    /// Whether anybody has said how far this zone is from another.
    pub fn knows(&self, zone: &str) -> bool {
        self.between.keys().any(|(one, other)| one == zone || other == zone)
    }

    /// The round trip between two zones; `None` where nobody has said.
    pub fn round_trip(&self, one: &str, other: &str) -> Option<Duration> {
        if one == other { Some(self.inside) } else { self.between.get(&pair(one, other)).copied() }
    }
}

fn pair(one: &str, other: &str) -> (String, String) {
    (one.min(other).to_owned(), one.max(other).to_owned())
}

impl Instance {
    /// An instance by its name and zone, with these settings.
    pub fn new<const N: usize>(name: &str, zone: &str, environment: [(&str, &str); N]) -> Instance {
        let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        Instance { name: name.to_owned(), zone: zone.to_owned(), environment, nofile: None }
    }
}

impl Plan {
    /// The plan of one service alone: no proxy, no way that costs anything.
    pub fn of_one(instance: Instance) -> Plan {
        Plan { clients: instance.zone.clone(), instances: vec![instance], ..Plan::default() }
    }

    /// The round trip between two that the plan names.
    pub(super) fn round_trip(&self, from: &str, to: &str) -> Result<Duration, SetUp> {
        let fault =
            |cause| SetUp::new(format!("tell the round trip between `{from}` and `{to}`"), cause, REPORT);
        let zone = |name| self.zone(name).ok_or_else(|| fault(format!("the plan has no `{name}`")));
        let (one, other) = (zone(from)?, zone(to)?);
        let unknown = || fault(format!("the plan does not say how far `{one}` is from `{other}`"));
        self.zones.round_trip(one, other).ok_or_else(unknown)
    }

    /// The zone of one end of a path: of an instance, a server, the [proxy](PROXY), or [those who ask](CLIENTS).
    pub fn zone(&self, name: &str) -> Option<&str> {
        let instances = self.instances.iter().map(|instance| (&instance.name, &instance.zone));
        let servers = self.servers.iter().map(|server| (&server.name, &server.zone));
        match name {
            CLIENTS => Some(&self.clients),
            PROXY => self.proxy.as_ref().map(|proxy| proxy.zone.as_str()),
            _ => instances.chain(servers).find(|(known, _)| *known == name).map(|(_, zone)| zone.as_str()),
        }
    }
}

/// What stands in a setting for the address of the path to `name`.
pub fn placeholder(name: &str) -> String {
    format!("${{{name}}}")
}

/// Whether one of these settings means `name`.
pub(super) fn means(settings: &BTreeMap<String, String>, name: &str) -> bool {
    settings.values().any(|value| value.contains(&placeholder(name)))
}

/// The settings with each `${NAME}` replaced that `address` knows; others stay as they are.
pub(super) fn filled<A: ToString>(
    settings: &BTreeMap<String, String>,
    address: impl Fn(&str) -> Option<A>,
) -> BTreeMap<String, String> {
    let fill = |value: &String| {
        let mut parts = value.split("${");
        let mut filled = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let known = part.split_once('}').and_then(|(name, rest)| Some((address(name)?, rest)));
            match known {
                Some((address, rest)) => filled.extend([address.to_string().as_str(), rest]),
                None => filled.extend(["${", part]),
            }
        }
        filled
    };
    settings.iter().map(|(name, value)| (name.clone(), fill(value))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_names_are_filled_in() {
        let settings = BTreeMap::from([("URL".to_owned(), "amqp://u:p@${broker}/${x}/$y${z".to_owned())]);
        let known = |name: &str| (name == "broker").then_some("127.0.0.1:7");
        assert_eq!(filled(&settings, known)["URL"], "amqp://u:p@127.0.0.1:7/${x}/$y${z");
    }

    #[test]
    fn a_round_trip_is_the_same_both_ways_and_never_guessed() {
        let far = Duration::from_millis(30);
        let zones = Zones::inside(Duration::from_millis(1)).between("tokyo", "seoul", far);
        assert_eq!(zones.round_trip("seoul", "tokyo"), Some(far));
        assert_eq!(zones.round_trip("tokyo", "tokyo"), Some(Duration::from_millis(1)));
        assert_eq!(zones.round_trip("tokyo", "taiwan"), None);
        let plan =
            Plan { clients: "seoul".to_owned(), zones, ..Plan::of_one(Instance::new("api", "taiwan", [])) };
        let fault = plan.round_trip(CLIENTS, "api").unwrap_err();
        assert!(fault.cause.contains("`seoul`") && fault.cause.contains("`taiwan`"), "{fault}");
    }
}
