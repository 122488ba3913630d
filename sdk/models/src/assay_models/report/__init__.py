"""The report card: one JSON for programs and one page for people, always computed from the exported file."""
