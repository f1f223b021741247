-- Finds the application's tables first, then whatever was found before.
-- Locks: none. Index: none.
SELECT set_config('search_path', 'kerrera_demo,' || current_setting('search_path'), FALSE)
