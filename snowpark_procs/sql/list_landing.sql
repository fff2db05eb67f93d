-- location: a literal.
LIST &{location}
