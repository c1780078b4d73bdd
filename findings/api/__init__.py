"""/api/v1/findings/ and /api/v1/controls/, by the queries of the pages."""
