"""Starts and resumes the long work, with the store on one side and the domain on the other. Imports no Streamlit."""
