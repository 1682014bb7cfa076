"""Parts of the Labels tab of the Review page."""
