"""What the app can do, without a screen: combines the store and the domain and starts long work. No Streamlit."""
