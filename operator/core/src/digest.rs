//! Digests that stand in annotations: short, stable over versions and platforms.

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

/// Bytes of a digest that are kept: 80 bits are plenty to tell one configuration from the next.
const KEPT: usize = 10;

/// SHA-256 of the parts, each preceded by its length so that no two lists of parts look alike; 20 hex digits.
pub fn plain<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> String {
    let mut state = Sha256::new();
    for part in parts {
        state.update((part.len() as u64).to_be_bytes());
        state.update(part);
    }
    hex(&state.finalize())
}

/// HMAC-SHA-256 (RFC 2104) of the content of a Secret: without the key nobody can try passwords against it.
pub fn keyed(key: &[u8], content: &[u8]) -> String {
    let mut state = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    state.update(content);
    hex(&state.finalize().into_bytes())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().take(KEPT).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moving_a_boundary_between_parts_changes_the_digest() {
        assert_ne!(plain([b"ab".as_slice(), b"c"]), plain([b"a".as_slice(), b"bc"]));
    }

    #[test]
    fn the_key_decides_the_keyed_digest() {
        assert_ne!(keyed(b"one", b"secret"), keyed(b"two", b"secret"));
        assert_eq!(keyed(b"one", b"secret").len(), 2 * KEPT);
    }
}
