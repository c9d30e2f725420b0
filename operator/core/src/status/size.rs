//! However many services there are and however much they say, the status fits beside the spec into one object.

use msapp_crds::v1alpha1::{MicroserviceAppStatus, ServiceStatus};

use super::words::one_line;

/// Most bytes of a status, as JSON. etcd takes 1.5 MiB for a whole object, its spec and its book-keeping included
/// (<https://etcd.io/docs/v3.6/dev-guide/limit/>).
const LARGEST: usize = 256 * 1024;
/// Characters of a service's message and names in its `waitingFor`: each is tried when the one before is too much.
const SHORTER: [(usize, usize); 3] = [(150, 16), (60, 4), (0, 0)];

/// The status, with the services saying less where the whole would be too large.
pub(super) fn bounded(status: MicroserviceAppStatus) -> MicroserviceAppStatus {
    if bytes(&status) <= LARGEST {
        return status;
    }
    let mut shorter = status.clone();
    for (characters, names) in SHORTER {
        shorter.services =
            status.services.iter().map(|service| shortened(service, characters, names)).collect();
        if bytes(&shorter) <= LARGEST {
            break;
        }
    }
    shorter
}

fn bytes(status: &MicroserviceAppStatus) -> usize {
    serde_json::to_string(status).map_or(0, |text| text.len())
}

fn shortened(service: &ServiceStatus, characters: usize, names: usize) -> ServiceStatus {
    let message = service.message.as_ref().filter(|_| characters > 0);
    let mut waiting_for = service.waiting_for.clone();
    let more = waiting_for.len().saturating_sub(names);
    if more > 1 {
        waiting_for.truncate(names);
        waiting_for.push(format!("… and {more} more"));
    }
    let message = message.map(|text| one_line(text, characters));
    ServiceStatus { message, waiting_for, ..service.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(message: &str, waiting_for: &[String]) -> MicroserviceAppStatus {
        let service = |number| ServiceStatus {
            name: format!("service-{number}"),
            message: Some(message.to_owned()),
            waiting_for: waiting_for.to_vec(),
            ..ServiceStatus::default()
        };
        MicroserviceAppStatus {
            services: (0..100).map(service).collect(),
            ..MicroserviceAppStatus::default()
        }
    }

    fn waiting_for(count: usize, letters: usize) -> Vec<String> {
        (0..count).map(|number| format!("Secret {number}-{}", "s".repeat(letters))).collect()
    }

    #[test]
    fn a_status_of_a_common_size_is_told_in_full() {
        let common = status(&"m".repeat(300), &waiting_for(3, 60));
        assert_eq!(bounded(common.clone()), common);
    }

    #[test]
    fn services_say_less_the_more_there_is_to_say_and_always_fit() {
        for (message, waiting_for, rest) in [
            ("m".repeat(300), waiting_for(200, 60), 17),
            ("\u{1}".repeat(300), waiting_for(200, 240), 5),
            ("m".repeat(300), waiting_for(200, 20_000), 1),
        ] {
            let bounded = bounded(status(&message, &waiting_for));
            assert!(bytes(&bounded) <= LARGEST, "{} bytes", bytes(&bounded));
            assert_eq!(bounded.services[99].waiting_for.len(), rest);
            let last = bounded.services[99].waiting_for.last().expect("a count");
            assert_eq!(*last, format!("… and {} more", 201 - rest));
        }
    }

    #[test]
    fn only_one_name_more_is_told_by_name() {
        let service = ServiceStatus { waiting_for: waiting_for(5, 1), ..ServiceStatus::default() };
        assert_eq!(shortened(&service, 60, 4).waiting_for, waiting_for(5, 1));
    }
}
