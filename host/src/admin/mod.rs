//! The web admin: router, handlers, wire types, pages.
