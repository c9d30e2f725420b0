//! The API types of `msapp.dev` and nothing else.
