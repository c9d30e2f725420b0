//! How wide text is, without a font to ask.

/// As many letters as a name, a detail and a label may have; the whole is in what a mouse shows.
pub(super) const NAME: usize = 34;
pub(super) const DETAIL: usize = 40;
pub(super) const LABEL: usize = 24;

/// Width in pixels, rather too much than too little: the font is the reader's.
pub(super) fn width(text: &str, size: f64) -> f64 {
    text.chars().map(|letter| share(letter) * size).sum()
}

/// Width of a letter as a share of the size of the font.
fn share(letter: char) -> f64 {
    match letter {
        'i' | 'j' | 'l' | 'I' | '.' | ',' | ':' | ';' | '\'' | '|' | '!' => 0.34,
        'f' | 't' | 'r' | '-' | ' ' | '/' | '(' | ')' => 0.44,
        'm' | 'w' | 'M' | 'W' | '@' | '%' => 0.98,
        'A'..='Z' => 0.74,
        letter if letter.is_ascii() => 0.64,
        // Letters of the East are squares.
        letter if u32::from(letter) >= 0x1100 => 1.05,
        _ => 0.72,
    }
}

/// At most this many letters, the rest left out.
pub(super) fn shortened(text: &str, letters: usize) -> String {
    if text.chars().count() <= letters {
        return text.to_owned();
    }
    let kept: String = text.chars().take(letters.saturating_sub(1)).collect();
    format!("{kept}…")
}
