"""Where records of CloudTrail come from, besides the event queue: files of trails."""
