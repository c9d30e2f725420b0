//! Pure core of msapp.
