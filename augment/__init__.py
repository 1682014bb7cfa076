"""The domain: texts, prompts, language models, classifiers. Knows nothing of Streamlit or SQL."""
