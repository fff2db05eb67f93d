-- location: a literal.
REMOVE &{location}
