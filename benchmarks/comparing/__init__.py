"""How fast a study trains: trials a core, against one by one and against other libraries."""
