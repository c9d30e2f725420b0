//! References to container images, by the grammar that container runtimes use
//! (<https://pkg.go.dev/github.com/distribution/reference>).

/// An image, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Image<'a> {
    /// Registry and path: `registry.example:5000/shop/cart`.
    pub name: &'a str,
    /// `1.4.2`
    pub tag: Option<&'a str>,
    /// `sha256:…`
    pub digest: Option<&'a str>,
}

/// Longest path of an image within its registry.
const LONGEST_PATH: usize = 255;
const LONGEST_TAG: usize = 128;

impl<'a> Image<'a> {
    /// Takes a reference apart.
    ///
    /// # Errors
    /// Which part does not fit the grammar, and why, as the end of a sentence.
    pub fn parse(text: &'a str) -> Result<Self, String> {
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest)),
            None => (text, None),
        };
        // A colon behind the last slash begins the tag; one before it belongs to a port.
        let last = rest.rfind('/').map_or(0, |slash| slash + 1);
        let (name, tag) = match rest[last..].find(':') {
            Some(colon) => (&rest[..last + colon], Some(&rest[last + colon + 1..])),
            None => (rest, None),
        };
        // 64 hexadecimal digits are the id of an image, and never looked up in a registry.
        if text.len() == 64 && text.bytes().all(|letter| letter.is_ascii_hexdigit()) {
            return Err(format!("{text:?} is the id of an image, not its name"));
        }
        check_name(name)?;
        if let Some(tag) = tag.filter(|tag| !is_tag(tag)) {
            return Err(format!(
                "{tag:?} is no tag: letters, digits, '_', '-' and '.', at most {LONGEST_TAG}"
            ));
        }
        if let Some(digest) = digest.filter(|digest| !is_digest(digest)) {
            return Err(format!("{digest:?} is no digest such as sha256: and 64 hexadecimal digits"));
        }
        Ok(Self { name, tag, digest })
    }
}

fn check_name(name: &str) -> Result<(), String> {
    let (registry, path) = match name.split_once('/') {
        Some((first, rest)) if is_registry_like(first) => (Some(first), rest),
        _ => (None, name),
    };
    // What is no host can still be the beginning of a path at the usual registry: `a.b_c/d`.
    if let Some(registry) = registry.filter(|registry| !is_registry(registry) && !is_component(registry)) {
        return Err(format!("{registry:?} is no registry such as registry.example:5000"));
    }
    if path.bytes().any(|letter| letter.is_ascii_uppercase()) {
        return Err(format!("{path:?} has capital letters"));
    }
    if path.len() > LONGEST_PATH || !path.split('/').all(is_component) {
        return Err(format!("{path:?} is no path of an image such as shop/cart"));
    }
    Ok(())
}

/// What stands before the first slash is a registry when it looks like a host, else part of the path at the usual one.
fn is_registry_like(first: &str) -> bool {
    first.contains(['.', ':', '['])
        || first == "localhost"
        || first.bytes().any(|letter| letter.is_ascii_uppercase())
}

fn is_registry(text: &str) -> bool {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (text, None),
    };
    let is_port = |port: &str| !port.is_empty() && port.bytes().all(|letter| letter.is_ascii_digit());
    let address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let is_host = match address {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => host.split('.').all(is_host_part),
    };
    is_host && port.is_none_or(is_port)
}

fn is_host_part(part: &str) -> bool {
    !part.is_empty()
        && part.bytes().all(|letter| letter.is_ascii_alphanumeric() || letter == b'-')
        && !part.starts_with('-')
        && !part.ends_with('-')
}

/// Lower-case letters and digits, separated by one '.', one or two '_', or any number of '-'.
fn is_component(component: &str) -> bool {
    let is_word = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit();
    let is_separator = |text: &str| {
        matches!(text, "." | "_" | "__") || !text.is_empty() && text.bytes().all(|letter| letter == b'-')
    };
    component.starts_with(is_word)
        && component.ends_with(is_word)
        && component.split(is_word).filter(|between| !between.is_empty()).all(is_separator)
}

fn is_tag(tag: &str) -> bool {
    !tag.is_empty()
        && tag.len() <= LONGEST_TAG
        && tag.bytes().all(|letter| letter.is_ascii_alphanumeric() || b"_.-".contains(&letter))
        && !tag.starts_with(['.', '-'])
}

/// The algorithms that are registered (<https://github.com/opencontainers/image-spec/blob/main/descriptor.md#digests>).
fn is_digest(digest: &str) -> bool {
    let length = match digest.split_once(':').map(|(algorithm, _)| algorithm) {
        Some("sha256") => 64,
        Some("sha384") => 96,
        Some("sha512") => 128,
        _ => return false,
    };
    let hex = digest.split_once(':').map(|(_, hex)| hex).unwrap_or_default();
    hex.len() == length
        && hex.bytes().all(|letter| letter.is_ascii_digit() || (b'a'..=b'f').contains(&letter))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn name_tag_and_digest_are_told_apart() {
        let digest = format!("sha256:{}", "0a".repeat(32));
        let pinned = format!("registry.example:5000/shop/cart:1.4.2@{digest}");
        for (text, name, tag, digest) in [
            ("nginx", "nginx", None, None),
            ("nginx:1.27", "nginx", Some("1.27"), None),
            ("localhost/cart", "localhost/cart", None, None),
            ("registry.example:5000/shop/cart", "registry.example:5000/shop/cart", None, None),
            ("[2001:db8::1]:5000/cart:v1", "[2001:db8::1]:5000/cart", Some("v1"), None),
            (pinned.as_str(), "registry.example:5000/shop/cart", Some("1.4.2"), Some(digest.as_str())),
        ] {
            assert_eq!(Image::parse(text), Ok(Image { name, tag, digest }));
        }
    }

    #[test]
    fn what_container_runtimes_take_is_taken() {
        for text in [
            "a",
            "a/b",
            "a/b/c",
            "a.b/c",
            "Upper.example/c",
            "UPPER/c",
            "a.b_c/d",
            "a__b",
            "a_b",
            "a-b",
            "a---b",
            "a.b",
            "1.2.3.4:5000/x",
            "x:_tag",
            "x:1.0-rc.1",
            "gcr.io/a-b/c_d/e.f:latest",
        ] {
            assert!(Image::parse(text).is_ok(), "{text}: {:?}", Image::parse(text));
        }
    }

    #[test]
    fn what_they_refuse_is_explained() {
        let id = "0a".repeat(32);
        let long = "a/".repeat(150) + "a";
        for (text, why) in [
            ("", "no path"),
            ("Cart", "capital letters"),
            ("registry.example/shop/Cart:1", "capital letters"),
            ("https://registry.example/cart", "no registry"),
            ("registry.example/cart:", "no tag"),
            ("cart:1 2", "no tag"),
            ("cart:-1", "no tag"),
            ("cart:a:b", "no tag"),
            ("registry.example//cart", "no path"),
            ("registry.example/cart/", "no path"),
            ("/cart", "no path"),
            ("-cart", "no path"),
            ("a..b", "no path"),
            ("a___b", "no path"),
            ("a._b", "no path"),
            ("ca rt", "no path"),
            ("cart@sha256:0", "no digest"),
            ("cart@md5:0123456789abcdef0123456789abcdef", "no digest"),
            ("cart@", "no digest"),
            (id.as_str(), "the id of an image"),
            (long.as_str(), "no path"),
            ("-host.example/cart", "no registry"),
            ("registry.example:port/cart", "no registry"),
            ("registry.example_/cart", "no registry"),
        ] {
            let told = Image::parse(text).expect_err(text);
            assert!(told.contains(why), "{text}: {told}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic_and_the_parts_make_the_whole(text in "[a-zA-Z0-9:/@._ä\\[\\]-]{0,60}") {
            if let Ok(image) = Image::parse(&text) {
                let part = |mark: &str, part: Option<&str>| part.map(|part| format!("{mark}{part}")).unwrap_or_default();
                prop_assert_eq!(format!("{}{}{}", image.name, part(":", image.tag), part("@", image.digest)), text);
            }
        }
    }
}
