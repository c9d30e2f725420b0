//! The life of a pod, from its first start to its end, and what the status says of it.

mod failures;
mod probes;
mod process;
mod restarts;
mod starting;
mod stopping;

use crate::{Company, Scenario};

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "pods::every_kind_of_probe_decides_and_its_answer_is_told",
        promise: "Probes of every kind decide about traffic and restarts, a slow start is no failure, and the status repeats what a failing probe answered",
        small: false,
        company: Company::Any,
        run: |stage| Box::pin(probes::decide(stage)),
    },
    Scenario {
        name: "pods::a_callee_is_up_before_its_caller_first_starts",
        promise: "With `startAfter` a callee is ready before its caller's first container starts, and no later change waits for it",
        small: false,
        company: Company::Any,
        run: |stage| Box::pin(starting::in_order(stage)),
    },
    Scenario {
        name: "pods::whatever_keeps_a_pod_down_is_told_in_one_sentence_that_stays",
        promise: "Whatever keeps a pod down is told in one sentence that stays the same until it changes: a crash with its last words, an image, memory, a node that is too small, a program or a mount that is not there",
        small: false,
        company: Company::Any,
        run: |stage| Box::pin(failures::are_told(stage)),
    },
    Scenario {
        name: "pods::a_secret_that_comes_later_starts_what_waits_for_it",
        promise: "A service whose Secret is missing waits and says so, and starts by itself when it comes",
        small: false,
        company: Company::Any,
        run: |stage| Box::pin(failures::secret_comes_later(stage)),
    },
    Scenario {
        name: "pods::a_change_reaches_exactly_the_processes_that_use_it_once",
        promise: "A changed file, ConfigMap or Secret restarts exactly the pods that use it, once; an address book follows without a restart",
        small: false,
        company: Company::Any,
        run: |stage| Box::pin(restarts::exactly_once(stage)),
    },
    Scenario {
        name: "pods::a_pod_that_goes_finishes_what_it_has_begun",
        promise: "A pod that goes serves on while its callers learn of it, finishes what it has begun and ends well; one that does not listen is ended after its period",
        small: false,
        company: Company::Any,
        run: |stage| Box::pin(stopping::gracefully(stage)),
    },
];
