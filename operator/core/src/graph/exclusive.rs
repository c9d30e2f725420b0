//! Fields of which exactly one is given.

use crate::violation::{Code, Violation, Violations};

/// Whether exactly one of the fields is given; otherwise that is reported with their names.
pub(super) fn exactly_one(given: &[(&str, bool)], path: &str, violations: &mut Violations) -> bool {
    if given.iter().filter(|(_, is_given)| *is_given).count() == 1 {
        return true;
    }
    let names: Vec<&str> = given.iter().map(|(name, _)| *name).collect();
    let (last, others) = names.split_last().expect("there are fields to choose from");
    let message = format!("exactly one of {} and {last} is given", others.join(", "));
    violations.push(Violation::new(path, Code::Exclusive, message));
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn none_and_two_are_reported_with_the_names_of_all() {
        for (first, second, told) in
            [(true, false, ""), (false, false, "exactly one of a, b and c is given"), (true, true, "exactly")]
        {
            let mut violations = Violations::default();
            let given = [("a", first), ("b", second), ("c", false)];
            assert_eq!(exactly_one(&given, "spec.x", &mut violations), told.is_empty());
            assert!(violations.to_string().contains(told), "{violations}");
            assert_eq!(violations.is_empty(), told.is_empty());
        }
    }
}
