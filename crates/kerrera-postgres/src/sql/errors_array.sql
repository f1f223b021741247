-- A part of other statements, for Elixir's errors, a jsonb[]: one more element, the newest kept.
(j.errors || a.element)[greatest(cardinality(j.errors) + 2 - {kept}, 1):]
