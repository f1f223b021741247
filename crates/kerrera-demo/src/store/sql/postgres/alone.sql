-- Takes the lock of the demonstration, for as long as this session lasts; false if another has it.
-- Locks: that one, which is advisory. Index: none.
SELECT pg_try_advisory_lock(hashtext('kerrera'), hashtext('demo'))
