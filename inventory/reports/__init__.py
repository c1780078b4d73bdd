"""How every report is typeset, whatever it tells of."""
